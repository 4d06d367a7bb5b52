"""Bad input: one sentence that says what to do, a 4xx, and nothing left behind."""

import pytest


@pytest.fixture(autouse=True)
def _nothing_is_left_behind(server):
    studies = server.files_of_studies()
    yield
    assert server.left_behind() == []
    assert server.files_of_studies() == studies


def is_sentence(answer) -> bool:
    """JSON with one sentence, and nothing of a Python trace."""
    detail = answer.json()["detail"]
    return detail.endswith(".") and "\n" not in detail and "Traceback" not in detail and "Error" not in detail


@pytest.mark.parametrize(
    ("image", "says"),
    [
        ("mr_truncated", "mr_truncated"),
        ("mr_empty", "empty"),
        ("mr_text", "not a readable NIfTI"),
        ("two_series", "series"),
        ("bright_0", "3-D images"),
    ],
)
def test_a_study_that_cannot_be_segmented_is_refused(server, image, says):
    answer = server.infer("tiny_segmentation", image)
    assert answer.status_code == 422
    assert says in answer.json()["detail"]
    assert is_sentence(answer)


@pytest.mark.parametrize("image", ["mr_truncated", "mr_empty", "mr_text"])
def test_an_upload_that_cannot_be_read_is_refused_and_removed(server, image):
    with (server.studies / f"{image}.nii.gz").open("rb") as file:
        answer = server.infer("tiny_segmentation", files={"file": file}, data={"params": "{}"})
    assert answer.status_code == 422
    assert is_sentence(answer)
    with (server.studies / f"{image}.nii.gz").open("rb") as file:
        answer = server.put("/datastore/image?image=new", files={"file": file})
    assert answer.status_code == 422
    assert is_sentence(answer)


def test_an_upload_of_an_unknown_kind_is_refused(server):
    answer = server.infer("tiny_segmentation", files={"file": ("report.pdf", b"%PDF")}, data={"params": "{}"})
    assert answer.status_code == 422
    assert ".nii.gz" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("task", "image", "says"),
    [
        ("no_such_task", "mr_0", "tiny_segmentation"),
        ("tiny_segmentation", "no_such_image", "no_such_image"),
        ("tiny_segmentation", "/etc/hostname", "/etc/hostname"),
        ("tiny_segmentation", "../models/tiny_segmentation", "among the studies"),
        ("tiny_segmentation", "._mr_0", "among the studies"),
    ],
)
def test_what_does_not_exist_is_not_found(server, task, image, says):
    answer = server.infer(task, image)
    assert answer.status_code == 404
    assert says in answer.json()["detail"]
    assert is_sentence(answer)


def test_a_task_without_checkpoint_refuses_to_predict(server):
    answer = server.infer("tiny_untrained", "mr_0")
    assert answer.status_code == 409
    assert "no checkpoint" in answer.json()["detail"]
    assert is_sentence(answer)


@pytest.mark.parametrize("params", ["{", "[1]", '"text"', "nan nan"])
def test_params_that_are_no_json_object_are_refused(server, params):
    answer = server.infer("tiny_segmentation", "mr_0", data={"params": params})
    assert answer.status_code == 400
    assert "'params'" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("params", "status", "says"),
    [
        ('{"modality": "sonar"}', 422, "CT, MR"),
        ('{"modality": "CT"}', 422, "CT"),
        ('{"result_extension": "../x.nii"}', 400, ".nrrd"),
        ('{"result_extension": [1]}', 400, ".nrrd"),
    ],
)
def test_options_that_do_not_exist_are_refused(server, params, status, says):
    answer = server.infer("tiny_segmentation", "mr_0", data={"params": params})
    assert answer.status_code == status
    assert says in answer.json()["detail"]


def test_params_cannot_name_another_image(server):
    answer = server.infer("tiny_segmentation", "mr_0", data={"params": '{"image": "/etc/hostname", "model": "x"}'})
    assert answer.status_code == 200


def test_nothing_to_predict_is_said(server):
    answer = server.infer("tiny_segmentation")
    assert answer.status_code == 400
    assert "image" in answer.json()["detail"]


@pytest.mark.parametrize("session", ["00000000-0000-0000-0000-000000000000", "../studies", "x"])
def test_an_unknown_session_is_not_found(server, session):
    answer = server.infer(f"tiny_segmentation?session_id={session}")
    assert answer.status_code == 404
    assert "session" in answer.json()["detail"]


def test_unknown_strategies_and_tasks_are_not_found(server):
    for path, params in (("/activelearning/psychic", {}), ("/activelearning/random", {"task": "nothing"})):
        answer = server.post(path, json=params)
        assert answer.status_code == 404
        assert is_sentence(answer)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("label.nii.gz", b"", "empty"),
        ("label.nii.gz", b"not an image", "not a readable NIfTI"),
        ("label.json", b"{}", "class"),
        ("label.json", b"\xff\xfe", "class"),
        ("label.exe", b"MZ", ".nii.gz"),
    ],
)
def test_a_label_that_cannot_be_read_is_not_saved(server, name, content, says):
    answer = server.put("/datastore/label?image=mr_0", files={"label": (name, content)})
    assert answer.status_code == 422
    assert says in answer.json()["detail"]
    assert server.get("/datastore/label?label=mr_0&tag=final").status_code == 404


def test_a_label_of_another_shape_is_not_saved(server):
    with (server.studies / "bright_0.png").open("rb") as file:
        answer = server.put("/datastore/label?image=mr_0", files={"label": file})
    assert answer.status_code == 422
    assert "own grid" in answer.json()["detail"] or "grid" in answer.json()["detail"]


@pytest.mark.parametrize("tag", ["../../x", "a/b", "a b", "x" * 65])
def test_a_tag_that_is_no_plain_name_is_refused(server, tag):
    with (server.studies / "mr_0.nii.gz").open("rb") as file:
        answer = server.put("/datastore/label", params={"image": "mr_0", "tag": tag}, files={"label": file})
    assert answer.status_code == 422
    assert "tag" in answer.json()["detail"]


@pytest.mark.parametrize("name", ["../escape", "a/b", ".hidden", "x" * 300])
def test_an_id_that_is_no_plain_name_is_refused(server, name):
    with (server.studies / "mr_0.nii.gz").open("rb") as file:
        answer = server.put("/datastore/image", params={"image": name}, files={"file": file})
    assert answer.status_code == 400
    assert "image's id" in answer.json()["detail"]


def test_stock_routes_answer_bad_json_and_missing_studies_as_a_4xx(server):
    answer = server.put("/datastore/image/info?image=mr_0", data={"info": "{"})
    assert answer.status_code == 400
    assert is_sentence(answer)
    assert server.delete("/datastore/image?id=nothing").status_code == 404
    assert server.get("/datastore/dataset").status_code == 404
