"""The store as MONAI Label's datastore, and which of its labels a task can learn from."""

import json
import shutil

import numpy as np
import pytest
import SimpleITK as sitk

from crosslabel.errors import ImageError, NotFoundError
from crosslabel.learning.final_labels import final_cases
from crosslabel.server.studies import Studies
from crosslabel.server.submissions import UnknownTaskError
from crosslabel.server.upkeep import Upkeep
from crosslabel.store import ConflictError, Store, TrainingPolicy
from server_process import write_series, write_studies
from tiny import classification_task, segmentation_task

SEGMENTATION, TWIN, CLASSIFICATION = segmentation_task(), segmentation_task(name="twin"), classification_task()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return write_studies(tmp_path_factory.mktemp("studies") / "studies")


@pytest.fixture
def folder(prepared, tmp_path):
    return shutil.copytree(prepared, tmp_path / "studies")


@pytest.fixture
def open_studies(folder):
    """Opens the studies for some tasks; what was opened is closed at the end."""
    opened = []

    def open_for(*tasks):
        store = Store(folder)
        store.scan()
        served = {task.name: task for task in tasks}
        opened.append(Studies(store, served, Upkeep(store, served, follow=False, export=True)))
        return opened[-1]

    yield open_for
    for studies in opened:
        studies.close()


@pytest.fixture
def studies(open_studies):
    return open_studies(SEGMENTATION, CLASSIFICATION)


@pytest.fixture
def drawn(folder, tmp_path):
    """Writes a label in the grid of an image whose voxels have some values."""

    def draw(image="mr_0.nii.gz", values=(2,), shift=0.0):
        volume = sitk.ReadImage(str(folder / image))
        voxels = np.zeros(sitk.GetArrayFromImage(volume).shape, np.uint16)
        voxels.flat[: len(values)] = values
        label = sitk.GetImageFromArray(voxels)
        label.CopyInformation(volume)
        label.SetOrigin([place + shift for place in volume.GetOrigin()])
        path = tmp_path / "drawn.nii.gz"
        sitk.WriteImage(label, str(path))
        return path

    return draw


def save_class(studies, tmp_path, image, name, **info):
    path = tmp_path / "class.json"
    path.write_text(json.dumps({"class": name}))
    return studies.submit(image, path, "final", info, author="anna")


def test_dots_in_names_and_subfolders_stay_in_the_ids(folder, open_studies):
    (folder / "site").mkdir()
    shutil.copy(folder / "mr_0.nii.gz", folder / "site" / "mr.v2.nii.gz")
    write_series(folder / "site" / "1.2.840.113619", "MR")
    studies = open_studies(SEGMENTATION)
    assert {"site/mr.v2", "site/1.2.840.113619"} <= set(studies.list_images())
    assert studies.image_path("site/1.2.840.113619") == folder / "site" / "1.2.840.113619"
    assert studies.get_image("site/mr.v2").read() == (folder / "mr_0.nii.gz").read_bytes()


def test_hidden_files_and_labels_are_no_studies(studies, drawn):
    studies.submit("mr_0", drawn(), "final", {}, author="anna")
    studies.refresh()
    assert not [name for name in studies.list_images() if name.startswith((".", "labels", "datastore"))]


def test_a_study_that_was_removed_meanwhile_is_not_found(folder, studies):
    (folder / "mr_0.nii.gz").unlink()
    with pytest.raises(NotFoundError, match="mr_0"):
        studies.image_path("mr_0")
    assert studies.readable(["mr_0"]) == []


def test_a_damaged_study_with_a_good_header_is_found_out_and_found_good_when_restored(folder, studies):
    assert studies.is_eligible("mr_truncated", SEGMENTATION)
    assert studies.readable(["mr_truncated"]) == []
    assert not studies.is_eligible("mr_truncated", SEGMENTATION)
    shutil.copyfile(folder / "mr_1.nii.gz", folder / "mr_truncated.nii.gz")
    studies.refresh()
    assert studies.readable(["mr_truncated"]) == ["mr_truncated"]


def test_a_label_without_a_task_is_for_the_only_task_that_suits(studies, drawn, tmp_path):
    assert studies.submit("mr_0", drawn(), "final", {}, author="anna").task == SEGMENTATION.name
    assert save_class(studies, tmp_path, "bright_0", "bright").task == CLASSIFICATION.name


def test_of_two_tasks_that_suit_the_one_that_is_named_or_made_the_proposal_gets_the_label(open_studies, drawn):
    studies = open_studies(SEGMENTATION, TWIN)
    with pytest.raises(UnknownTaskError, match="one of: tiny_segmentation, twin"):
        studies.submit("mr_0", drawn(), "final", {}, author="anna")
    assert studies.submit("mr_0", drawn(), "final", {"model": "twin"}, author="anna").task == "twin"
    assert studies.submit("mr_0", drawn(), "final", {"model": "twin", "task": SEGMENTATION.name}, author="a").version == 1


def test_of_two_tasks_that_suit_the_one_that_has_the_values_or_the_names_gets_the_label(open_studies, drawn):
    other = segmentation_task(name="other", labels=[{"name": "third", "value": 3, "color": "#ff0000"}])
    studies = open_studies(SEGMENTATION, other)
    assert studies.submit("mr_0", drawn(values=(3,)), "final", {}, author="anna").task == "other"
    named = {"label_info": [{"name": "third", "idx": 1}]}
    assert studies.submit("mr_1", drawn("mr_1.nii.gz", ()), "final", named, author="anna").task == "other"


def test_of_two_tasks_that_suit_the_one_gets_the_label_for_which_its_author_was_handed_the_image(open_studies, drawn):
    studies = open_studies(SEGMENTATION, TWIN)
    studies.store.leases.acquire("twin", "mr_0", "anna", 60)
    with pytest.raises(UnknownTaskError, match="one of: tiny_segmentation, twin"):
        studies.submit("mr_0", drawn(), "final", {}, author="ben")
    assert studies.submit("mr_0", drawn(), "final", {}, author="anna").task == "twin"


@pytest.mark.parametrize("task", ["nothing", ["tiny_segmentation"], 3])
def test_a_task_that_is_not_served_gets_no_label(studies, drawn, task):
    with pytest.raises(NotFoundError, match="this server has: tiny_segmentation, tiny_classification"):
        studies.submit("mr_0", drawn(), "final", {"task": task}, author="anna")


def test_values_that_the_task_does_not_have_are_refused_and_named(studies, drawn):
    with pytest.raises(ImageError, match=r"holds the values 1, 9, .* its values are 2 \(first\), 7 \(second\)"):
        studies.submit("mr_0", drawn(values=(1, 2, 9)), "final", {}, author="anna")
    assert studies.get_labeled_images() == []


def test_a_label_that_lies_elsewhere_in_space_is_refused(studies, drawn):
    with pytest.raises(ImageError, match="elsewhere in space"):
        studies.submit("mr_0", drawn(shift=1.0), "final", {}, author="anna")


def test_a_class_that_the_task_does_not_have_is_refused_and_a_label_map_too(studies, drawn, tmp_path):
    with pytest.raises(ImageError, match="its classes are bright, dark"):
        save_class(studies, tmp_path, "bright_0", "purple")
    with pytest.raises(ImageError, match="sorts images into classes"):
        studies.submit("bright_0", drawn("bright_0.png"), "final", {"task": CLASSIFICATION.name}, author="anna")
    with pytest.raises(ImageError, match="takes a label map"):
        save_class(studies, tmp_path, "mr_0", "bright", task=SEGMENTATION.name)


def test_two_tasks_on_one_image_keep_their_labels_apart(open_studies, drawn):
    studies = open_studies(SEGMENTATION, TWIN)
    for task, value in ((SEGMENTATION, 2), (TWIN, 7)):
        studies.submit("mr_0", drawn(values=(value,)), "final", {"task": task.name}, author="anna")
    with pytest.raises(ConflictError, match=r"several tasks; add task=NAME, one of: tiny_segmentation, twin"):
        studies.get_label_uri("mr_0", "final")
    assert sitk.GetArrayFromImage(sitk.ReadImage(str(studies.label("mr_0", "final", "twin").path))).max() == 7
    studies.withdraw("mr_0", "final", "twin", reviewer="anna")
    assert studies.label("mr_0", "final").task == SEGMENTATION.name


def test_final_cases_are_the_labels_of_the_task(studies, drawn, tmp_path):
    studies.submit("mr_0", drawn(), "final", {}, author="anna")
    studies.submit("mr_2", drawn("mr_2.nii.gz"), "original", {}, author="anna")
    save_class(studies, tmp_path, "bright_0", "bright")
    assert [(case.id, case.own_values) for case in final_cases(studies.store, SEGMENTATION)] == [("mr_0", True)]
    assert [(case.id, case.label) for case in final_cases(studies.store, CLASSIFICATION)] == [("bright_0", "bright")]


def test_only_approved_labels_train_where_it_is_set_so(studies, drawn):
    for image in ("mr_0", "mr_1"):
        studies.submit(image, drawn(f"{image}.nii.gz"), "final", {}, author="anna")
    assert final_cases(studies.store, SEGMENTATION, TrainingPolicy.APPROVED) == []
    studies.store.reviews.approve(SEGMENTATION.name, "mr_1", 1, reviewer="ben")
    assert [case.id for case in final_cases(studies.store, SEGMENTATION, TrainingPolicy.APPROVED)] == ["mr_1"]


def waiting(studies, holder):
    cases = studies.store.worklist.waiting(SEGMENTATION.name, SEGMENTATION.eligible, holder, limit=99)
    return {case.image_id for case in cases}


def test_what_waits_is_neither_labelled_nor_in_other_hands_and_returns_when_sent_back(studies, drawn):
    everything = waiting(studies, "anna")
    studies.submit("mr_0", drawn(), "final", {}, author="anna")
    studies.store.leases.acquire(SEGMENTATION.name, "mr_1", "ben", 60)
    assert waiting(studies, "anna") == everything - {"mr_0", "mr_1"}
    assert "mr_1" in waiting(studies, "ben")
    studies.store.reviews.send_back(SEGMENTATION.name, "mr_0", 1, reviewer="ben", comment="too large")
    assert "mr_0" in waiting(studies, "anna")


def test_what_monai_label_calls_the_state_of_a_datastore(studies, drawn, tmp_path):
    studies.submit("mr_0", drawn(), "final", {"seconds": 4}, author="anna")
    save_class(studies, tmp_path, "bright_0", "bright")
    status = studies.status()
    assert (status["total"], status["completed"]) == (len(studies.list_images()), 2)
    objects = studies.json()["objects"]
    assert objects["mr_0"]["labels"]["final"]["info"]["seconds"] == 4
    assert objects["bright_0"]["labels"]["final"]["ext"] == ".json"
    assert {entry["task"]: entry["label"] for entry in studies.datalist()}[CLASSIFICATION.name] == "bright"
    assert set(studies.get_unlabeled_images()) == set(studies.list_images()) - {"mr_0", "bright_0"}


@pytest.mark.parametrize("content", ["", "[]", '{"class": 3}', '{"label": "bright"}', "not json"])
def test_a_class_label_that_names_no_class_is_refused(studies, tmp_path, content):
    path = tmp_path / "label.json"
    path.write_text(content)
    with pytest.raises(ImageError, match="class"):
        studies.submit("bright_0", path, "final", {}, author="anna")
