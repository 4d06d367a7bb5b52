"""The three commands on one another's results, as they are used."""

from __future__ import annotations

import csv
import json

import nibabel as nib
import numpy as np
import pytest

import tiny
from crosslabel.checkpoints import ModelStore
from crosslabel.tasks.building import network_of


@pytest.fixture
def trained(home, tmp_path):
    """The work place with a version of random weights for each task."""
    store = ModelStore(tmp_path / "models")
    for task in (tiny.segmentation_task(), tiny.classification_task()):
        store.publish(task, network_of(task).state_dict(), {"data": "none"})
    return home


def test_training_publishes_a_version_that_predicts_and_is_evaluated(crosslabel, home, tmp_path):
    volumes = home / "volumes"
    trained = crosslabel("train", "tiny_segmentation", "--images", volumes, "--epochs", 1, "--device", "cpu")
    assert trained.exit_code == 0, trained.stderr
    assert "tiny_segmentation v1 is served from now on" in trained.stdout
    assert "3 labelled cases" in trained.stderr

    out = tmp_path / "out"
    predicted = crosslabel("predict", "tiny_segmentation", "--images", volumes / "imagesTr", "--out", out)
    assert predicted.exit_code == 0, predicted.stderr
    assert sorted(path.name for path in out.iterdir()) == [
        *(f"mr_{number:02d}.nii.gz" for number in range(3)),
        "predictions.json",
    ]
    assert nib.load(out / "mr_00.nii.gz").shape == nib.load(volumes / "imagesTr" / "mr_00.nii.gz").shape

    evaluated = crosslabel("evaluate", "tiny_segmentation", "--predictions", out, "--labels", volumes, "--json")
    content = json.loads(evaluated.stdout)
    assert [case["id"] for case in content["cases"]] == ["mr_00", "mr_01", "mr_02"]
    assert set(content["labels"]) == {"first", "second"}


def test_the_number_of_epochs_on_the_command_line_comes_before_the_tasks(crosslabel, home, tmp_path):
    crosslabel("train", "tiny_classification", "--images", home / "pictures", "--epochs", 1)
    (record,) = (tmp_path / "models" / "tiny_classification").glob("v1/version.json")
    assert json.loads(record.read_text())["task"]["training"]["epochs"] == 1


def test_evaluate_prints_every_label_and_names_missing_predictions(crosslabel, home, tmp_path):
    labels = home / "volumes" / "labelsTr"
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mr_01.nii.gz").write_bytes((labels / "mr_01.nii.gz").read_bytes())

    result = crosslabel("evaluate", "tiny_segmentation", "--predictions", tmp_path / "out", "--labels", labels)

    assert result.exit_code == 0
    assert "1.000 / 0.00 / 0.00" in result.stdout
    assert "first" in result.stdout
    assert "in no mean: mr_00, mr_02" in result.stderr


def test_several_images_may_follow_one_option(crosslabel, trained, tmp_path):
    images = [trained / "volumes" / "imagesTr" / f"mr_0{number}.nii.gz" for number in (0, 2)]
    result = crosslabel("predict", "tiny_segmentation", "--images", *images, "--out", tmp_path / "out", "--json")

    content = json.loads(result.stdout)
    assert set(content["predictions"]) == {"mr_00", "mr_02"}
    assert content["predictions"]["mr_00"]["checkpoint"] == "tiny_segmentation v1"
    assert set(content["predictions"]["mr_00"]["volumes_ml"]) == {"first", "second"}


def test_one_bad_image_is_named_at_the_end_and_does_not_stop_the_others(crosslabel, trained, tmp_path):
    images = tmp_path / "images"
    tiny.write_blobs(tmp_path / "data", 2)
    (tmp_path / "data" / "imagesTr").rename(images)
    (images / "mr_00.nii.gz").write_bytes(b"this is text")

    result = crosslabel("predict", "tiny_segmentation", "--images", images, "--out", tmp_path / "out")

    assert result.exit_code == 1
    assert [line.partition(":")[0] for line in result.stderr.splitlines() if line.startswith("mr_")] == ["mr_00"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["mr_01.nii.gz", "predictions.json"]


def test_classes_are_written_with_all_probabilities(crosslabel, trained, tmp_path):
    folder = trained / "pictures" / "bright"
    result = crosslabel("predict", "tiny_classification", "--images", folder, "--out", tmp_path / "out", "--modality", "XR")

    assert result.exit_code == 0, result.stderr
    assert "(uncalibrated)" in result.stdout
    with (tmp_path / "out" / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == ["0", "1", "2"]
    for row in rows:
        probabilities = {name: float(row[name]) for name in ("bright", "dark")}
        assert sum(probabilities.values()) == pytest.approx(1.0)
        assert row["class"] == max(probabilities, key=probabilities.get)


def test_a_task_without_checkpoint_refuses_to_predict(crosslabel, home, tmp_path):
    result = crosslabel("predict", "tiny_segmentation", "--images", home / "volumes" / "imagesTr", "--out", "out")
    assert result.exit_code == 1
    assert "has no checkpoint yet" in result.stderr
    assert not (tmp_path / "out").exists()


def test_an_image_is_never_overwritten_by_its_prediction(crosslabel, trained, tmp_path):
    images = tiny.write_blobs(tmp_path / "data", 1) / "imagesTr"
    before = (images / "mr_00.nii.gz").read_bytes()

    result = crosslabel("predict", "tiny_segmentation", "--images", images, "--out", images)

    assert result.exit_code == 1
    assert "would overwrite the image" in result.stderr
    assert (images / "mr_00.nii.gz").read_bytes() == before


def test_two_images_of_one_name_are_refused_before_anything_is_predicted(crosslabel, trained, tmp_path):
    image = trained / "volumes" / "imagesTr" / "mr_00.nii.gz"
    nib.save(nib.Nifti1Image(np.zeros((4, 4, 4), np.float32), np.eye(4)), tmp_path / "mr_00.nii")

    result = crosslabel("predict", "tiny_segmentation", "--images", image, tmp_path / "mr_00.nii", "--out", "out")

    assert result.exit_code == 1
    assert "would both become mr_00.nii.gz" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_without_images_is_refused(crosslabel, trained, tmp_path):
    (tmp_path / "empty").mkdir()
    result = crosslabel("predict", "tiny_segmentation", "--images", tmp_path / "empty", "--out", "out")
    assert result.exit_code == 1
    assert "No image lies in the folder" in result.stderr
