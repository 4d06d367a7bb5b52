"""Classes over REST: answers with their trust, heat maps, labels of images and of slices."""

from __future__ import annotations

import gzip
import json
import tempfile

import nibabel as nib
import numpy as np
import pytest
from requests_toolbelt.multipart import decoder

from crosslabel.checkpoints import ModelStore
from tiny import classification_task
from waiting import until

TASK = "tiny_classification"


def heatmap(server, image="bright_0", **params):
    return server.post(f"/infer/{TASK}", params={"image": image, "output": "heatmap"}, data={"params": json.dumps(params)})


def parts_of(answer):
    return {
        part.headers[b"Content-Disposition"].split(b'name="')[1].split(b'"')[0].decode(): part.content
        for part in decoder.MultipartDecoder.from_response(answer).parts
    }


def test_capabilities_tell_of_heat_maps_and_class_labels(server):
    assert {"heatmaps", "class-labels"} <= set(server.get("/api/v1/capabilities").json()["capabilities"])


def test_an_answer_says_how_far_it_can_be_trusted(server):
    answer = server.infer(TASK, "bright_0").json()
    assert answer["calibrated"] is False
    assert 0 <= answer["uncertainty"] <= 1
    # Its weights are random ones: nothing was learnt of what they can tell.
    assert answer["in_distribution"] is None
    assert answer["out_of_distribution_score"] is None
    assert answer["decision"] == answer["prediction"][0]["label"]


@pytest.mark.parametrize("method", ["gradcam", "gradcam++", "integrated_gradients", "occlusion"])
def test_a_heat_map_comes_in_the_grid_of_the_picture_with_the_answer(server, method):
    answer = heatmap(server, explanation=method, **{"class": "dark"})
    assert answer.status_code == 200, answer.text
    parts = parts_of(answer)
    params = json.loads(parts["params"])
    assert (params["explanation"], params["class"]) == (method, "dark")
    assert {"prediction", "uncertainty", "latencies"} <= set(params)
    with tempfile.NamedTemporaryFile(suffix=".nii") as file:
        file.write(gzip.decompress(parts["image"]))
        file.flush()
        array = np.asarray(nib.load(file.name).dataobj)
    # 40 rows and 36 columns, stored columns first.
    assert array.shape[:2] == (36, 40)
    assert array.dtype == np.float32
    assert 0 <= array.min() <= array.max() <= 1
    assert server.left_behind() == []


def test_without_a_class_the_answer_is_explained(server):
    params = json.loads(parts_of(heatmap(server))["params"])
    assert params["class"] == params["prediction"][0]["label"]
    assert params["explanation"] == "gradcam"


@pytest.mark.parametrize(
    ("params", "said"), [({"explanation": "magic"}, "choose one of gradcam"), ({"class": "grey"}, "choose one of bright, dark")]
)
def test_an_unknown_explanation_or_class_is_a_400_that_names_the_known_ones(server, params, said):
    answer = heatmap(server, **params)
    assert answer.status_code == 400
    assert said in answer.json()["detail"]


def test_a_segmentation_has_no_heat_map(server):
    answer = server.post("/infer/tiny_segmentation", params={"image": "mr_0", "output": "heatmap"})
    assert answer.status_code == 400
    assert "is a segmentation" in answer.json()["detail"]


def label(server, image, **body):
    return server.post(f"/api/v1/labels/{TASK}/{image}", json=body)


def history(server, image):
    return server.get("/api/v1/labels", params={"task": TASK, "image": image}).json()["labels"]


@pytest.fixture
def labelled(server):
    yield
    for image in ("bright_1", "dark_1"):
        server.delete(f"/datastore/label?id={image}&tag=final&task={TASK}")


@pytest.mark.usefixtures("labelled")
def test_a_class_is_revised_with_its_history_author_and_comment(server):
    before = len(history(server, "bright_1"))
    first = label(server, "bright_1", class_name="dark", comment="at a glance", sure=False)
    second = label(server, "bright_1", **{"class": "bright"}, comment="looked again", sure=True)
    assert (first.status_code, second.status_code) == (200, 200)
    versions = history(server, "bright_1")[before:]
    assert [(one["class_name"], one["comment"], one["sure"], one["tag"]) for one in versions] == [
        ("dark", "at a glance", False, "final"),
        ("bright", "looked again", True, "final"),
    ]
    assert all(one["author"] and one["created"] for one in versions)
    assert "bright_1" in [study["id"] for study in server.get(f"/api/v1/images?task={TASK}").json() if study["labelled"]]


def test_a_picture_has_no_slices(server):
    before = history(server, "dark_1")
    answer = label(server, "dark_1", class_name="dark", slice=3)
    assert answer.status_code == 422
    assert "has no slices" in answer.json()["detail"]
    assert history(server, "dark_1") == before


@pytest.mark.parametrize(
    "body",
    [
        {"class_name": ""},
        {"class_name": "dark", "slice": -1},
        {"comment": "no class"},
        {"class_name": "dark", "coment": "misspelt"},
        {"class_name": "dark", "author": "somebody else"},
    ],
)
def test_a_class_label_without_sense_is_refused(server, body):
    assert label(server, "dark_1", **body).status_code == 422


@pytest.fixture
def four_labels(server):
    """Final classes of all pictures; taken away again, and the checkpoint of before is served again."""
    names = ("bright_0", "bright_1", "dark_0", "dark_1")
    for image in names:
        label(server, image, class_name=image.split("_")[0]).raise_for_status()
    store, task = ModelStore(server.models), classification_task()
    before = store.current(task).number
    yield
    store.activate(task, before)
    for image in names:
        server.delete(f"/datastore/label?id={image}&tag=final&task={TASK}")


@pytest.mark.usefixtures("four_labels")
def test_class_labels_train_in_the_app_by_the_same_loop_and_the_result_knows_its_limits(server):
    server.client.train_start(TASK, {"max_epochs": 2, "steps_per_epoch": 4})
    until(lambda: server.client.info()["train_stats"][TASK]["state"] in ("finished", "failed"), "the end of the training")
    # The next test may train as well, and is refused while the process of this training still ends.
    until(lambda: not server.client.train_status(check_if_running=True), "the end of its process")
    stats = server.client.info()["train_stats"][TASK]
    assert (stats["state"], stats["epoch"], stats["total_epochs"]) == ("finished", 2, 2)
    assert "cross-entropy" in stats["losses"]
    answer = server.infer(TASK, "bright_0").json()
    assert answer["in_distribution"] is True
    assert answer["out_of_distribution_score"] > 0
