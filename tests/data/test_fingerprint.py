from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pytest

import tiny
from crosslabel.data import fingerprint_of
from crosslabel.errors import DataError
from crosslabel.images import Modality


def test_a_data_set_of_volumes_is_described(tmp_path):
    tiny.write_blobs(tmp_path, 3)
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": {"0": "background", "2": "liver"}}))

    found = fingerprint_of(tmp_path)

    assert found.modality is Modality.MR
    assert found.shape == tiny.blobs(0)[0].shape
    assert found.spacing == (2.0, 2.0, 3.0)
    assert found.label_names == {2: "liver", 7: "structure 7"}
    assert found.classes == ()


def test_spacing_and_shape_follow_the_axes_of_the_patient_not_those_of_the_file(tmp_path):
    sagittal = np.array([[0, 0, 4.0, 0], [1.0, 0, 0, 0], [0, 2.0, 0, 0], [0, 0, 0, 1]])
    for part in ("images", "labels"):
        (tmp_path / part).mkdir()
        nib.save(nib.Nifti1Image(np.ones((5, 6, 7), np.uint8), sagittal), tmp_path / part / "a.nii.gz")

    found = fingerprint_of(tmp_path, Modality.MR)

    assert found.spacing == (4.0, 1.0, 2.0)
    assert found.shape == (7, 5, 6)


def test_class_folders_give_the_classes(tmp_path):
    found = fingerprint_of(tiny.write_pictures(tmp_path, 2), Modality.XR)
    assert found.classes == ("bright", "dark")
    assert found.shape == (40, 36)
    assert found.spacing is None


def test_a_table_gives_the_classes(tmp_path):
    pictures = tiny.write_pictures(tmp_path, 1)
    (pictures / "labels.csv").write_text("image,class\nbright/0.png,lit\ndark/0.png,unlit\n")
    assert fingerprint_of(pictures, Modality.XR).classes == ("lit", "unlit")


def test_data_that_cannot_become_a_task_are_refused(tmp_path):
    with pytest.raises(DataError, match="nowhere does not exist"):
        fingerprint_of(tmp_path / "nowhere")
    (tmp_path / "single" / "only").mkdir(parents=True)
    with pytest.raises(DataError, match="Only one class folder"):
        fingerprint_of(tmp_path / "single")
    with pytest.raises(DataError, match="give --modality"):
        fingerprint_of(tiny.write_pictures(tmp_path / "pictures", 1))


def test_labels_that_are_all_empty_are_refused(tmp_path):
    for part in ("images", "labels"):
        (tmp_path / part).mkdir()
        nib.save(nib.Nifti1Image(np.zeros((4, 4, 4), np.uint8), np.eye(4)), tmp_path / part / "mr_a.nii.gz")
    with pytest.raises(DataError, match="All label files are empty"):
        fingerprint_of(tmp_path)
