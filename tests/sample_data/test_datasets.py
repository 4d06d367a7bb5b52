from __future__ import annotations

import json

import numpy as np
import pytest

from crosslabel.data import labelled_cases
from crosslabel.images import Modality, read_image
from crosslabel.paths import app_dir
from crosslabel.tasks import TaskSpec, load_task
from phantoms.datasets import has_tumour, kind_of, write_abdomens, write_heads, write_pictures
from phantoms.head import make_pair
from phantoms.pictures import KINDS, make_picture


def shipped_task(name: str) -> TaskSpec:
    return load_task(app_dir() / "tasks" / f"{name}.yaml")


@pytest.fixture(scope="module")
def abdomens(tmp_path_factory):
    folder = tmp_path_factory.mktemp("abdomens")
    write_abdomens(folder, [7])
    return folder


@pytest.fixture(scope="module")
def heads(tmp_path_factory):
    folder = tmp_path_factory.mktemp("heads")
    write_heads(folder, [4, 5])
    return folder


def test_abdomens_are_read_with_the_labels_of_their_task(abdomens):
    task = shipped_task("abdomen_ct_mr")
    cases = labelled_cases(abdomens, task)
    assert [case.id for case in cases] == ["abdomen_ct_00007", "abdomen_mr_00007"]
    for case, modality in zip(cases, (Modality.CT, Modality.MR), strict=True):
        image = read_image(case.image)
        assert image.modality == modality
        values, grid = case.read_label(task)
        assert set(np.unique(values)) == {0, *task.label_values.values()}
        np.testing.assert_allclose(grid.affine, image.grid.affine)
        # The liver is by far the largest of the four organs.
        assert np.bincount(values.ravel())[1:].argmax() + 1 == task.label_values["liver"]


def test_dataset_json_lists_the_cases_and_names_every_value(abdomens):
    said = json.loads((abdomens / "dataset.json").read_text())
    assert said["labels"] == {"0": "background", "1": "liver", "2": "right kidney", "3": "left kidney", "4": "spleen"}
    assert said["numTraining"] == len(said["training"]) == 2
    for entry in said["training"]:
        assert (abdomens / entry["image"]).is_file()
        assert (abdomens / entry["label"]).is_file()


def test_heads_are_read_with_their_sequence_and_the_label_of_their_task(heads):
    task = shipped_task("brain_tumour_t1c_flair")
    cases = {case.id: case for case in labelled_cases(heads, task)}
    assert sorted(cases) == ["brain_flair_00004", "brain_flair_00005", "brain_t1c_00004", "brain_t1c_00005"]
    for id, case in cases.items():
        image = read_image(case.image)
        domain = task.domain_of(image.modality, image.sequence)
        assert domain.name == id.split("_")[1]
        values, _ = case.read_label(task)
        assert values.any() == has_tumour(int(id[-5:]))


def test_a_written_head_holds_the_voxels_of_its_seed(heads):
    case = make_pair(5)["T1c"]
    image = read_image(heads / "imagesTr" / "brain_t1c_00005.nii.gz")
    np.testing.assert_array_equal(np.squeeze(image.array), case.image)
    np.testing.assert_allclose(image.grid.affine, case.affine, atol=1e-4)


def test_one_sequence_alone_can_be_written(tmp_path):
    write_heads(tmp_path, [5], sequences=("FLAIR",))
    assert [path.name for path in sorted((tmp_path / "labelsTr").iterdir())] == ["brain_flair_00005.nii.gz"]


def test_pictures_are_read_as_the_classes_of_their_task(tmp_path):
    task = shipped_task("brain_tumour_type")
    write_pictures(tmp_path, range(8, 16))
    cases = labelled_cases(tmp_path, task)
    assert sorted(case.label for case in cases) == sorted(2 * KINDS)
    assert set(task.classes) == set(KINDS)
    for case in cases:
        seed = int(case.image.stem[-5:])
        assert case.label == kind_of(seed)
        image = read_image(case.image)
        assert image.dimension == 2
        assert sorted(image.array.ravel()) == sorted(make_picture(seed, kind_of(seed)).ravel())
