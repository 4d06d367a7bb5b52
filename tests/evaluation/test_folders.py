from __future__ import annotations

import json

import numpy as np
import pytest

import tiny
from crosslabel.errors import DataError, ImageError, TaskError
from crosslabel.evaluation import evaluate_folder
from crosslabel.images import Grid, write_label

FLIPPED = Grid((6, 5, 4), np.diag([-1.0, -1.0, 3.0, 1.0]))


def label(*voxels: tuple[int, int, int], value: int = 2) -> np.ndarray:
    array = np.zeros(FLIPPED.shape, np.uint8)
    for voxel in voxels:
        array[voxel] = value
    return array


@pytest.fixture
def folders(tmp_path):
    write_label(label((1, 1, 1), (2, 1, 1)), FLIPPED, tmp_path / "predictions" / "a.nii.gz")
    write_label(label((1, 1, 1), (1, 1, 2)), FLIPPED, tmp_path / "labels" / "a.nrrd")
    return tmp_path / "predictions", tmp_path / "labels"


def test_predictions_are_compared_with_references_of_the_same_name_in_any_format(folders):
    evaluation = evaluate_folder(tiny.segmentation_task(), *folders)

    (case,) = evaluation.cases
    assert case.id == "a"
    assert case.labels["first"].dice == pytest.approx(0.5)
    # One of two voxels is right on either side; the other is 1 mm (i) or 3 mm (k) away from the nearest.
    assert case.labels["first"].assd_mm == pytest.approx((0 + 1 + 0 + 3) / 4)


def test_references_without_prediction_and_predictions_without_reference_are_named(folders):
    predictions, labels = folders
    write_label(label(), FLIPPED, predictions / "only_predicted.nii.gz")
    write_label(label(), FLIPPED, labels / "only_labelled.nii.gz")

    evaluation = evaluate_folder(tiny.segmentation_task(), predictions, labels)

    assert evaluation.missing == ("only_labelled",)
    assert evaluation.without_reference == ("only_predicted",)
    assert [case.id for case in evaluation.cases] == ["a"]


def test_reference_values_are_translated_as_the_task_says_unless_they_are_its_own(folders):
    predictions, labels = folders
    write_label(label((1, 1, 1), (2, 1, 1), value=5), FLIPPED, labels / "a.nii.gz")
    (labels / "a.nrrd").unlink()
    task = tiny.segmentation_task(read_labels={"first": 5})

    assert evaluate_folder(task, predictions, labels).mean_dice == pytest.approx(1.0)
    with pytest.raises(ImageError, match="holds the value 5"):
        evaluate_folder(task, predictions, labels, own_values=True)


@pytest.mark.parametrize("given", [".", "labelsTr"])
def test_a_data_set_says_what_its_values_mean_when_it_or_its_label_folder_is_given(folders, given):
    data_set = folders[0].parent / "data"
    write_label(label((1, 1, 1), (2, 1, 1), value=1), FLIPPED, data_set / "labelsTr" / "a.nii.gz")
    write_label(label(), FLIPPED, data_set / "imagesTr" / "a.nii.gz")
    (data_set / "dataset.json").write_text(json.dumps({"labels": {"0": "background", "1": "first"}}))

    evaluation = evaluate_folder(tiny.segmentation_task(), folders[0], data_set / given)

    assert evaluation.cases[0].labels["first"].dice == 1.0


def test_the_labels_that_a_server_saved_hold_the_values_of_the_task(folders):
    studies = folders[0].parent / "studies"
    write_label(label((1, 1, 1), (2, 1, 1)), FLIPPED, studies / "labels" / "final" / "a.nii.gz")
    write_label(label(), FLIPPED, studies / "a.nii.gz")
    task = tiny.segmentation_task(read_labels={"first": 5})

    evaluation = evaluate_folder(task, folders[0], studies / "labels" / "final")

    assert evaluation.cases[0].labels["first"].dice == 1.0


@pytest.mark.parametrize(
    "other",
    [Grid((6, 5, 5), FLIPPED.affine), Grid((6, 5, 4), np.diag([1.0, -1.0, 3.0, 1.0]))],
    ids=["another shape", "another direction"],
)
def test_a_prediction_on_another_grid_is_refused(folders, other):
    predictions, labels = folders
    write_label(np.zeros(other.shape, np.uint8), other, predictions / "a.nii.gz")
    message = r"a\.nii\.gz \(shape \(6, 5, [45]\), .*reference \(shape \(6, 5, 4\), .*axes LPS.* do not lie on one grid"
    with pytest.raises(ImageError, match=message):
        evaluate_folder(tiny.segmentation_task(), predictions, labels)


def test_a_prediction_with_a_value_that_the_task_does_not_know_is_refused(folders):
    write_label(label((0, 0, 0), value=9), FLIPPED, folders[0] / "a.nii.gz")
    with pytest.raises(ImageError, match=r"a\.nii\.gz: The label holds the value 9"):
        evaluate_folder(tiny.segmentation_task(), *folders)


def test_folders_that_share_no_name_are_refused_with_the_names_that_were_found(folders):
    predictions, labels = folders
    (labels / "a.nrrd").rename(labels / "a_label.nrrd")
    with pytest.raises(DataError, match="predictions are called a, the references a_label"):
        evaluate_folder(tiny.segmentation_task(), predictions, labels)


def test_folders_that_are_missing_or_empty_are_refused(folders, tmp_path):
    (tmp_path / "empty").mkdir()
    task = tiny.segmentation_task()
    with pytest.raises(DataError, match="nowhere does not exist"):
        evaluate_folder(task, tmp_path / "nowhere", folders[1])
    with pytest.raises(DataError, match=r"No label files lie in .*empty"):
        evaluate_folder(task, folders[0], tmp_path / "empty")


def test_a_classification_task_is_refused(folders):
    with pytest.raises(TaskError, match="tiny_classification is a classification"):
        evaluate_folder(tiny.classification_task(), *folders)
