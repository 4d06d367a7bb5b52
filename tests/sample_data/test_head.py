from __future__ import annotations

from functools import lru_cache

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from phantoms.head import make_anatomy, make_pair
from phantoms.head_anatomy import PARENCHYMA, Tissue

SEEDS = (1, 2)
pair_of = lru_cache(make_pair)
anatomy_of = lru_cache(make_anatomy)


def inside(mask: np.ndarray) -> np.ndarray:
    """Without the voxels at the border, which hold some of their neighbours' signal."""
    return ndimage.binary_erosion(mask)


def mean_signal(seed: int, sequence: str, *tissues: Tissue) -> float:
    mask = anatomy_of(seed)[1].is_any(*tissues)
    return float(pair_of(seed)[sequence].image[mask].mean())


def white_matter(seed: int, sequence: str) -> float:
    return float(pair_of(seed)[sequence].image[inside(anatomy_of(seed)[1].is_any(Tissue.WHITE))].mean())


def test_the_same_seed_makes_the_same_head_and_another_seed_another():
    first, again, other = pair_of(1), make_pair(1), pair_of(2)
    for sequence in ("T1c", "FLAIR"):
        np.testing.assert_array_equal(first[sequence].image, again[sequence].image)
        np.testing.assert_array_equal(first[sequence].label, again[sequence].label)
        assert not np.array_equal(first[sequence].image, other[sequence].image)


@pytest.mark.parametrize("seed", SEEDS)
def test_both_sequences_lie_on_one_grid_and_show_the_same_tumour(seed):
    t1c, flair = pair_of(seed)["T1c"], pair_of(seed)["FLAIR"]
    np.testing.assert_array_equal(t1c.affine, flair.affine)
    np.testing.assert_array_equal(t1c.label, flair.label)
    assert t1c.image.shape == flair.image.shape == t1c.label.shape
    assert (t1c.sequence, flair.sequence) == ("T1c", "FLAIR")
    assert set(np.unique(t1c.label)) == {0, 1}
    assert t1c.spacing == pytest.approx((2.05,) * 3, abs=0.1)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_tumour_lies_in_the_brain_of_one_hemisphere(seed):
    tumour = pair_of(seed)["T1c"].label > 0
    # The healthy twin shows what the tumour replaced.
    _, healthy = anatomy_of(seed, tumour=False)
    replaced = healthy.tissue[tumour]
    assert np.isin(replaced, (*PARENCHYMA, Tissue.CSF, Tissue.VESSEL)).all()
    assert np.isin(replaced, PARENCHYMA).mean() > 0.7
    head = np.argwhere(healthy.tissue != Tissue.AIR)
    assert (head.min(axis=0) < np.argwhere(tumour).min(axis=0)).all()
    assert 3 < pair_of(seed)["T1c"].volume_ml(1) < 150


@pytest.mark.parametrize("seed", SEEDS)
def test_the_tumour_is_brighter_than_white_matter_in_flair(seed):
    case = pair_of(seed)["FLAIR"]
    assert case.image[case.label > 0].mean() > 1.3 * white_matter(seed, "FLAIR")


@pytest.mark.parametrize("seed", SEEDS)
def test_in_t1c_a_bright_ring_encloses_dark_necrosis_within_slightly_dark_oedema(seed):
    white = white_matter(seed, "T1c")
    assert mean_signal(seed, "T1c", Tissue.RIM) > 1.15 * white
    assert mean_signal(seed, "T1c", Tissue.NECROSIS) < 0.75 * white
    assert 0.6 * white < mean_signal(seed, "T1c", Tissue.OEDEMA) < 0.97 * white
    canvas = anatomy_of(seed)[1]
    shell = ndimage.binary_dilation(canvas.is_any(Tissue.NECROSIS)) & ~canvas.is_any(Tissue.NECROSIS)
    assert np.mean(canvas.tissue[shell] == Tissue.RIM) > 0.9


@pytest.mark.parametrize("seed", SEEDS)
def test_a_head_without_tumour_has_an_empty_label_and_the_same_anatomy_elsewhere(seed):
    healthy, ill = pair_of(seed, tumour=False), pair_of(seed)
    assert not healthy["T1c"].label.any()
    far = ~ndimage.binary_dilation(ill["T1c"].label > 0, iterations=5)
    for sequence in ("T1c", "FLAIR"):
        np.testing.assert_array_equal(healthy[sequence].image[far], ill[sequence].image[far])


@pytest.mark.parametrize("seed", SEEDS)
def test_healthy_heads_hold_what_could_be_taken_for_a_tumour(seed):
    pair, canvas = pair_of(seed, tumour=False), anatomy_of(seed, tumour=False)[1]
    lesions, sinuses = canvas.is_any(Tissue.LESION), canvas.is_any(Tissue.SINUS)
    assert min(lesions.sum(), sinuses.sum()) > 100
    white = inside(canvas.is_any(Tissue.WHITE))
    assert pair["FLAIR"].image[lesions].mean() > 1.3 * pair["FLAIR"].image[white].mean()
    assert pair["T1c"].image[sinuses].mean() > 1.3 * pair["T1c"].image[white].mean()


def test_some_heads_are_stored_in_another_orientation():
    orientations = {"".join(nib.aff2axcodes(anatomy_of(seed)[0].affine)) for seed in SEEDS}
    assert orientations == {"RAS", "LPS"}
