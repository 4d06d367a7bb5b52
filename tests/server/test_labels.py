"""Labels over REST: which task they are for, versions, classes, and what is refused."""

import json

import numpy as np
import pytest
import SimpleITK as sitk

from crosslabel.store import Store

TWINS = ("tiny_segmentation", "tiny_untrained")


@pytest.fixture
def drawn(server, tmp_path):
    """Writes a label in the grid of a study."""

    def draw(image="mr_2.nii.gz", value=2, voxels=100):
        volume = sitk.ReadImage(str(server.studies / image))
        array = np.zeros(sitk.GetArrayFromImage(volume).shape, np.uint8)
        array.flat[:voxels] = value
        label = sitk.GetImageFromArray(array)
        label.CopyInformation(volume)
        path = tmp_path / f"label_{value}_{voxels}.nii.gz"
        sitk.WriteImage(label, str(path))
        return path

    return draw


@pytest.fixture
def save(server):
    """Saves label files; what was saved is withdrawn at the end."""
    saved = []

    def put(image, file, **params):
        with file.open("rb") as content:
            form = {"label": (file.name, content)}
            answer = server.put(f"/datastore/label?image={image}", files=form, data={"params": json.dumps(params)})
        if answer.ok:
            saved.append((image, answer.json()["task"]))
        return answer

    yield put
    for image, task in set(saved):
        server.delete(f"/datastore/label?id={image}&tag=final&task={task}")


def history(server, task, image):
    return server.get("/api/v1/labels", params={"task": task, "image": image}).json()


def verdict(server, label, what, **body):
    return server.post(f"/api/v1/labels/{label}/{what}", json=body)


def test_a_label_that_may_be_of_two_tasks_is_refused_with_their_names(server, save, drawn):
    answer = save("mr_2", drawn(), client_id="who was handed nothing")
    assert answer.status_code == 400
    assert answer.json()["detail"].endswith("one of: tiny_segmentation, tiny_untrained.")
    assert server.get("/datastore/label?label=mr_2&tag=final").status_code == 404


def test_two_tasks_on_one_image_never_collide(server, save, drawn):
    for task, value in zip(TWINS, (2, 7), strict=True):
        assert save("mr_2", drawn(value=value), task=task).json()["task"] == task
    undecided = server.get("/datastore/label?label=mr_2&tag=final")
    assert undecided.status_code == 409
    assert "add task=NAME" in undecided.json()["detail"]
    for task, value in zip(TWINS, (2, 7), strict=True):
        downloaded = server.get(f"/datastore/label?label=mr_2&tag=final&task={task}").content
        assert downloaded == drawn(value=value).read_bytes()
        images = server.get(f"/api/v1/images?task={task}").json()
        assert [image["id"] for image in images if image["labelled"]] == ["mr_2"]


def test_values_that_the_task_does_not_have_are_refused_and_nothing_is_saved(server, save, drawn):
    before = history(server, "tiny_segmentation", "mr_2")
    answer = save("mr_2", drawn(value=5), task="tiny_segmentation")
    assert answer.status_code == 422
    assert "2 (first), 7 (second)" in answer.json()["detail"]
    assert history(server, "tiny_segmentation", "mr_2") == before


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        ("mr_2", "tiny_classification is for 2-D images and this one is 3-D; name a task that is for image 'mr_2'."),
        ("mr_text", "The image 'mr_text' cannot be read, so it takes no label"),
    ],
)
def test_a_label_for_a_task_that_the_image_is_not_for_is_refused_also_where_the_task_is_named(server, image, sentence):
    before = history(server, "tiny_classification", image)
    answer = server.post(f"/api/v1/labels/tiny_classification/{image}", json={"class_name": "dark"})
    assert answer.status_code == 422
    assert sentence in answer.json()["detail"]
    assert history(server, "tiny_classification", image) == before


@pytest.fixture
def numbered(server, tmp_path):
    """Writes a label as MONAI Label's module for Slicer does: segments numbered from 1 in their order."""

    def draw(*names):
        volume = sitk.ReadImage(str(server.studies / "mr_2.nii.gz"))
        array = np.zeros(sitk.GetArrayFromImage(volume).shape, np.uint8)
        for number, _ in enumerate(names, start=1):
            array.flat[100 * number : 100 * number + 50] = number
        label = sitk.GetImageFromArray(array)
        label.CopyInformation(volume)
        path = tmp_path / "numbered.nrrd"
        sitk.WriteImage(label, str(path))
        return path, [{"name": name, "idx": number} for number, name in enumerate(names, start=1)]

    return draw


@pytest.mark.parametrize(
    ("names", "values"),
    [
        (("first", "second"), (2, 7)),
        (("second", "first"), (7, 2)),
        (("background", "first", "second"), (0, 2, 7)),
    ],
)
def test_segments_that_slicer_numbered_by_order_are_saved_by_name(server, save, numbered, tmp_path, names, values):
    path, segments = numbered(*names)
    assert save("mr_2", path, task="tiny_segmentation", label_info=segments).status_code == 200
    (tmp_path / "saved.nrrd").write_bytes(server.get("/datastore/label?label=mr_2&tag=final").content)
    saved, sent = (sitk.ReadImage(str(file)) for file in (tmp_path / "saved.nrrd", path))
    expected = np.zeros_like(sitk.GetArrayFromImage(sent))
    for number, value in enumerate(values, start=1):
        expected[sitk.GetArrayFromImage(sent) == number] = value
    np.testing.assert_array_equal(sitk.GetArrayFromImage(saved), expected)
    assert saved.GetOrigin() == pytest.approx(sent.GetOrigin())
    assert saved.GetDirection() == pytest.approx(sent.GetDirection())


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (("first", "tumour"), "The segment 'tumour' is no label of task tiny_segmentation; rename it to one of first, second"),
        (("first", "first"), "Two segments are called 'first'"),
    ],
)
def test_a_drawn_segment_that_the_task_does_not_know_is_refused_by_name(server, save, numbered, names, sentence):
    path, segments = numbered(*names)
    answer = save("mr_2", path, task="tiny_segmentation", label_info=segments)
    assert answer.status_code == 422
    assert sentence in answer.json()["detail"]


def test_a_value_that_no_segment_explains_is_refused(server, save, numbered):
    path, segments = numbered("first", "second")
    answer = save("mr_2", path, task="tiny_segmentation", label_info=segments[:1])
    assert answer.status_code == 422
    assert "holds the value 2, which label_info does not name" in answer.json()["detail"]


@pytest.mark.parametrize("flips", [(False, False, True), (True, False, True), (True, True, True)])
def test_the_same_voxels_in_another_order_are_saved_in_the_images_order(server, save, drawn, tmp_path, flips):
    path = drawn(value=2, voxels=1000)
    straight = sitk.ReadImage(str(path))
    sitk.WriteImage(sitk.Flip(straight, flips), str(path))
    assert sitk.ReadImage(str(path)).GetOrigin() != pytest.approx(straight.GetOrigin())
    assert save("mr_2", path, task="tiny_segmentation").status_code == 200
    (tmp_path / "saved.nii.gz").write_bytes(server.get("/datastore/label?label=mr_2&tag=final").content)
    saved = sitk.ReadImage(str(tmp_path / "saved.nii.gz"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(saved), sitk.GetArrayFromImage(straight))
    assert saved.GetOrigin() == pytest.approx(straight.GetOrigin(), abs=1e-3)
    assert saved.GetDirection() == pytest.approx(straight.GetDirection(), abs=1e-5)


def test_a_label_that_lies_elsewhere_in_space_is_refused_and_nothing_is_saved(server, save, drawn):
    before = history(server, "tiny_segmentation", "mr_2")
    path = drawn()
    moved = sitk.ReadImage(str(path))
    moved.SetOrigin([place + 5 for place in moved.GetOrigin()])
    sitk.WriteImage(moved, str(path))
    answer = save("mr_2", path, task="tiny_segmentation")
    assert answer.status_code == 422
    assert "elsewhere in space" in answer.json()["detail"]
    assert history(server, "tiny_segmentation", "mr_2") == before


def test_a_label_saved_again_is_a_new_version_and_the_old_one_can_be_brought_back(server, save, drawn):
    first = save("mr_2", drawn(), task="tiny_segmentation", client_id="anna").json()
    second = save("mr_2", drawn(voxels=200), task="tiny_segmentation", client_id="ben").json()
    assert second["version"] == first["version"] + 1
    reverted = verdict(server, first["id"], "revert", comment="was right").json()
    assert reverted["parents"] == [first["version"]]
    assert server.get("/datastore/label?label=mr_2&tag=final").content == drawn().read_bytes()
    authors = [label["author"] for label in history(server, "tiny_segmentation", "mr_2")["labels"][-3:]]
    assert authors == ["anna", "ben", "local"]


def test_a_class_is_saved_by_name_and_comes_back_as_a_file(server):
    path = "/api/v1/labels/tiny_classification/dark_0"
    saved = server.post(path, json={"class": "dark", "comment": "no doubt"})
    try:
        assert (saved.status_code, saved.json()["class_name"], saved.json()["comment"]) == (200, "dark", "no doubt")
        assert server.get("/datastore/label?label=dark_0&tag=final").json() == {"class": "dark"}
        assert server.get(f"/api/v1/labels/{saved.json()['id']}/file").json() == {"class": "dark"}
        refused = server.post(path, json={"class": "purple"})
        assert (refused.status_code, "bright, dark" in refused.json()["detail"]) == (422, True)
    finally:
        server.delete_label("dark_0")


def test_a_label_is_approved_or_sent_back_with_a_comment(server, save, drawn):
    label = save("mr_2", drawn(), task="tiny_segmentation").json()["id"]
    assert verdict(server, label, "return", comment=" ").status_code == 400
    assert verdict(server, label, "return", comment="too large").json()["state"] == "returned"
    assert verdict(server, label, "approve").json()["state"] == "approved"
    reviews = history(server, "tiny_segmentation", "mr_2")["reviews"][-2:]
    assert [(review["verdict"], review["comment"]) for review in reviews] == [("returned", "too large"), ("approved", "")]


def test_what_a_client_sends_along_under_a_known_name_spoils_no_history(server, save, drawn):
    label = save("mr_2", drawn(), task="tiny_segmentation", slice="axial", sure="perhaps").json()
    answer = server.get("/api/v1/labels", params={"task": "tiny_segmentation", "image": "mr_2"})
    assert answer.status_code == 200, answer.text
    newest = answer.json()["labels"][-1]
    assert (newest["slice"], newest["sure"]) == (None, None)
    assert newest["version"] == label["version"]


def test_two_versions_are_compared_by_structure_and_adjudicated(server, save, drawn):
    one = save("mr_2", drawn(voxels=100), task="tiny_segmentation", client_id="anna").json()
    two = save("mr_2", drawn(voxels=300), task="tiny_segmentation", client_id="ben").json()
    compared = server.get(f"/api/v1/labels/compare?a={one['id']}&b={two['id']}").json()
    assert compared["same"] is False
    assert compared["structures"]["first"]["dice"] == pytest.approx(2 * 100 / (100 + 300))
    assert compared["structures"]["second"] == {"dice": 1.0, "assd_mm": None, "hd95_mm": None}
    body = {"labels": [one["id"], two["id"]], "chosen": one["id"], "comment": "the smaller"}
    settled = server.post("/api/v1/labels/adjudicate", json=body).json()
    assert (settled["state"], settled["parents"]) == ("approved", [one["version"], two["version"]])
    assert server.get("/datastore/label?label=mr_2&tag=final").content == drawn(voxels=100).read_bytes()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/labels/compare?a=1&b=999999", 404),
        ("GET", "/api/v1/labels/compare?a=1&b=99999999999999999999", 422),
        ("GET", "/api/v1/labels?task=nothing&image=mr_0", 404),
        ("GET", "/api/v1/labels?task=tiny_segmentation&image=../x", 404),
        ("POST", "/api/v1/labels/999999/approve", 404),
        ("POST", "/api/v1/labels/99999999999999999999/approve", 422),
        ("POST", "/api/v1/labels/tiny_classification/../../x", 404),
    ],
)
def test_labels_that_do_not_exist_are_not_found(server, method, path, status):
    body = {"class": "dark"} if "tiny_classification" in path else {}
    ask = server.get if method == "GET" else lambda where: server.post(where, json=body)
    assert ask(path).status_code == status


@pytest.fixture
def _handed_back(server):
    """At the end nobody holds an image."""
    yield
    with Store(server.studies) as store:
        for image, lease in store.leases.held("tiny_untrained").items():
            store.leases.release("tiny_untrained", image, lease.holder)


@pytest.mark.usefixtures("_handed_back")
def test_nobody_gets_the_image_that_somebody_else_has_been_handed(server):
    asked = {"task": "tiny_untrained"}
    handed = [server.post("/activelearning/first", json={**asked, "client_id": f"reader {n}"}).json() for n in range(5)]
    assert {sample["id"] for sample in handed} == {"mr_0", "mr_1", "mr_2", "mr_3", "mr_series"}
    nothing = server.post("/activelearning/first", json={"model": "tiny_untrained", "client_id": "late"})
    assert (nothing.status_code, nothing.json()) == (200, {})
    again = server.post("/activelearning/first", json={**asked, "client_id": "reader 3"}).json()
    assert again["id"] == handed[3]["id"]


@pytest.mark.usefixtures("_handed_back")
def test_who_saves_a_label_gives_the_image_back(server, save, drawn):
    asked = {"task": "tiny_untrained", "client_id": "anna"}
    handed = server.post("/activelearning/first", json=asked).json()["id"]
    label = drawn(next(path.name for path in server.studies.glob(f"{handed}.*")))
    assert save(handed, label, **asked).ok
    server.delete(f"/datastore/label?id={handed}&tag=final&task=tiny_untrained")
    assert server.post("/activelearning/first", json={**asked, "client_id": "ben"}).json()["id"] == handed
