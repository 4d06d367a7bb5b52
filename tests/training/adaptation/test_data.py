from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from crosslabel.data import labelled_cases, unlabelled_cases, with_labels
from crosslabel.errors import DataError
from crosslabel.training.adaptation import AdaptationCases
from crosslabel.training.adaptation.data import prepare_data
from two_modalities import adaptation_task, write_domain

TASK = adaptation_task()


def emptied(file) -> None:
    nib.save(nib.Nifti1Image(np.zeros(nib.load(file).shape, np.uint8), nib.load(file).affine), file)


def test_a_source_patient_without_the_structures_teaches_and_makes_a_target_without_them_plausible(tmp_path):
    source = write_domain(tmp_path / "ct", "CT", 3)
    target = unlabelled_cases(write_domain(tmp_path / "mr", "MR", 2, 50))
    all_show_it = prepare_data(TASK, AdaptationCases(labelled_cases(source, TASK), target))
    assert not all_show_it.prior.is_plausible("first", 0.0)
    emptied(source / "labelsTr" / "ct_01.nii.gz")

    data = prepare_data(TASK, AdaptationCases(labelled_cases(source, TASK), target))

    assert [case.id for case in data.source.cases] == ["ct_00", "ct_01", "ct_02"]
    assert data.aside == {}
    assert data.prior.is_plausible("first", 0.0)
    for file in (source / "labelsTr").iterdir():
        emptied(file)
    with pytest.raises(DataError, match="Every source label is empty"):
        prepare_data(TASK, AdaptationCases(labelled_cases(source, TASK), target))


def test_cases_of_one_id_that_are_set_aside_in_both_domains_are_told_apart(tmp_path):
    folders = write_domain(tmp_path / "ct", "CT", 2), write_domain(tmp_path / "mr", "MR", 2, 50)
    for folder in folders:
        (folder / "imagesTr" / "p1.nii.gz").write_bytes(b"\x1f\x8b broken")
        (folder / "labelsTr" / "p1.nii.gz").write_bytes(b"\x1f\x8b broken")
    given = AdaptationCases(labelled_cases(folders[0], TASK), unlabelled_cases(folders[1]))
    assert sorted(prepare_data(TASK, given).aside) == ["source: p1", "target: p1"]


def test_a_target_image_whose_label_is_damaged_takes_part_without_it(tmp_path):
    source = labelled_cases(write_domain(tmp_path / "ct", "CT", 2), TASK)
    folder = write_domain(tmp_path / "mr", "MR", 3, 50)
    (folder / "labelsTr" / "mr_50.nii.gz").write_bytes(b"\x1f\x8b broken")
    (folder / "imagesTr" / "mr_52.nii.gz").write_bytes(b"\x1f\x8b broken")
    target, _ = with_labels(unlabelled_cases(folder), folder, own_values=True)

    data = prepare_data(TASK, AdaptationCases(source, target))

    assert [case.id for case in data.target.cases] == ["mr_50"]
    assert [case.id for case in data.labelled.cases] == ["mr_51"]
    assert sorted(data.aside) == ["label of target: mr_50", "target: mr_52"]
    assert data.target[0].label is None


def test_looking_at_the_images_is_told_and_can_be_ended(tmp_path):
    source = labelled_cases(write_domain(tmp_path / "ct", "CT", 2), TASK)
    target = unlabelled_cases(write_domain(tmp_path / "mr", "MR", 3, 50))
    told = []

    def before_each(number, count):
        told.append((number, count))
        if len(told) == 4:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        prepare_data(TASK, AdaptationCases(source, target), before_each=before_each)
    assert told == [(1, 2), (2, 2), (1, 3), (2, 3)]
