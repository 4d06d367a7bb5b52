from __future__ import annotations

from functools import lru_cache

import nibabel as nib
import numpy as np
import pytest

from phantoms.abdomen import make_case
from phantoms.abdomen_anatomy import LABELS
from phantoms.case import Case
from phantoms.seeds import SCORING_SEEDS, TRAINING_SEEDS, require_scoring, require_training

CASES = [("CT", 0), ("CT", 1), ("MR", 0), ("MR", 1)]
case_of = lru_cache(make_case)


def median(case: Case, name: str) -> float:
    return float(np.median(case.image[case.label == LABELS[name]]))


def test_the_same_seed_makes_the_same_case_and_another_seed_another():
    first, again, other = case_of(0, "MR"), make_case(0, "MR"), case_of(1, "MR")
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.label, again.label)
    np.testing.assert_array_equal(first.affine, again.affine)
    assert first.image.shape != other.image.shape or not np.array_equal(first.image, other.image)


def test_an_unknown_modality_is_refused():
    with pytest.raises(ValueError, match="'PET' is unknown: choose one of CT, MR"):
        make_case(0, "PET")


@pytest.mark.parametrize(("modality", "seed"), CASES)
def test_every_organ_lies_on_its_side_of_the_spine(modality, seed):
    case = case_of(seed, modality)
    body = np.argwhere(case.image > np.percentile(case.image, 60)).mean(axis=0)
    middle = (case.affine[:3, :3] @ body + case.affine[:3, 3])[0]
    right = {name: case.world(value)[0] - middle for name, value in LABELS.items()}
    assert min(right["liver"], right["right kidney"]) > 15
    assert max(right["spleen"], right["left kidney"]) < -15


@pytest.mark.parametrize(("modality", "seed"), CASES)
def test_organs_are_about_as_large_as_in_adults(modality, seed):
    case = case_of(seed, modality)
    assert case.label.shape == case.image.shape
    assert set(np.unique(case.label)) == {0, *LABELS.values()}
    assert 600 < case.volume_ml(LABELS["liver"]) < 2000
    assert 70 < case.volume_ml(LABELS["right kidney"]) < 350
    assert 70 < case.volume_ml(LABELS["left kidney"]) < 350
    assert 70 < case.volume_ml(LABELS["spleen"]) < 400


@pytest.mark.parametrize("seed", [0, 1])
def test_ct_is_in_hounsfield_units(seed):
    case = case_of(seed, "CT")
    assert case.image.dtype == np.int16
    assert case.image.min() < -950
    assert case.image.max() > 250
    for name in LABELS:
        assert 20 < median(case, name) < 220


def contrast_is_reversed(seed: int) -> bool:
    """Whether the brighter of liver and kidney differs between the CT and the MR of one patient on one grid."""
    ct, mr = make_case(seed, "CT", paired=True), make_case(seed, "MR", paired=True)
    np.testing.assert_array_equal(ct.label, mr.label)
    np.testing.assert_array_equal(ct.affine, mr.affine)
    brighter = [median(case, "liver") > median(case, "right kidney") for case in (ct, mr)]
    return brighter[0] != brighter[1]


def test_the_order_of_organs_by_brightness_differs_between_ct_and_mr():
    assert any(contrast_is_reversed(seed) for seed in range(4))


def test_ct_and_mr_of_one_seed_show_different_patients_unless_paired():
    ct, mr = case_of(0, "CT"), case_of(0, "MR")
    assert abs(ct.volume_ml(LABELS["liver"]) - mr.volume_ml(LABELS["liver"])) > 10


def test_cases_are_stored_in_several_orientations():
    assert len({nib.aff2axcodes(case_of(seed, modality).affine) for modality, seed in CASES}) > 1


def test_training_and_scoring_seeds_are_disjoint_and_guarded():
    assert not set(TRAINING_SEEDS) & set(SCORING_SEEDS)
    with pytest.raises(ValueError, match="not training seeds"):
        require_training([1, SCORING_SEEDS.start])
    with pytest.raises(ValueError, match="not scoring seeds"):
        require_scoring([TRAINING_SEEDS.stop - 1])
