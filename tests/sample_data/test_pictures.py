from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from scipy import ndimage

from phantoms.pictures import KINDS, make_picture, make_picture_and_mask

SEEDS = range(20)
GLIOMA, MENINGIOMA, NONE, PITUITARY = KINDS


@lru_cache
def pictures_of(kind: str) -> list[tuple[np.ndarray, np.ndarray]]:
    return [make_picture_and_mask(seed, kind) for seed in SEEDS]


def middle_of_head(picture: np.ndarray) -> np.ndarray:
    """Row and column of the middle of the largest bright region, which is the head."""
    parts, _ = ndimage.label(ndimage.gaussian_filter(picture.astype(float), 2) > 40)
    head = parts == np.argmax(np.bincount(parts.ravel())[1:]) + 1
    return np.argwhere(ndimage.binary_fill_holes(head)).mean(axis=0)


def core_and_rim(picture: np.ndarray, mask: np.ndarray) -> tuple[float, float]:
    """Mean signal in the inner third of a mass, and between there and its border."""
    depth = ndimage.distance_transform_edt(mask)
    inner = depth > 0.67 * depth.max()
    outer = mask & (depth > 1) & (depth < 0.34 * depth.max())
    return float(picture[inner].mean()), float(picture[outer].mean())


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_makes_the_same_picture_and_another_seed_another(kind):
    picture = make_picture(3, kind)
    assert picture.shape == (128, 128)
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture, make_picture(3, kind))
    assert not np.array_equal(picture, make_picture(4, kind))


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match=r"'lymphoma' is unknown: choose one of glioma_tumor"):
        make_picture(0, "lymphoma")


def test_only_pictures_with_a_tumour_have_a_mask():
    assert not any(mask.any() for _, mask in pictures_of(NONE))
    for kind in (GLIOMA, MENINGIOMA, PITUITARY):
        assert min(mask.sum() for _, mask in pictures_of(kind)) > 20


def test_gliomas_have_a_ring_brighter_than_their_core():
    contrast = [np.subtract(*core_and_rim(*shown)) for shown in pictures_of(GLIOMA)]
    assert np.median(contrast) < -50
    assert np.mean(np.array(contrast) < 0) > 0.9


def test_meningiomas_are_evenly_bright_and_lie_against_the_skull():
    contrast = [np.subtract(*core_and_rim(*shown)) for shown in pictures_of(MENINGIOMA)]
    assert np.abs(np.median(contrast)) < 20
    for picture, mask in pictures_of(MENINGIOMA):
        around = ndimage.binary_dilation(mask, iterations=3) & ~mask
        # Bone is the darkest thing that a mass may touch.
        assert picture[around].min() < 0.35 * picture[mask].mean()
        assert picture[mask].mean() > 1.2 * np.median(picture[picture > 40])


def test_meningiomas_lie_farther_out_than_gliomas():
    def offsets(kind: str) -> list[float]:
        return [
            float(np.linalg.norm(np.argwhere(mask).mean(axis=0) - middle_of_head(picture)))
            for picture, mask in pictures_of(kind)
        ]

    assert np.median(offsets(MENINGIOMA)) > 1.4 * np.median(offsets(GLIOMA))


def test_pituitary_tumours_are_small_and_bright_and_near_the_midline():
    area = {kind: np.median([mask.sum() for _, mask in pictures_of(kind)]) for kind in KINDS}
    assert area[PITUITARY] < 0.5 * area[MENINGIOMA]
    assert area[PITUITARY] < 0.5 * area[GLIOMA]
    sideways = [abs(np.argwhere(mask).mean(axis=0) - middle_of_head(picture))[1] for picture, mask in pictures_of(PITUITARY)]
    assert np.median(sideways) < 16
    # Relative to the median of the head, which is about that of white matter.
    brightness = [picture[mask].mean() / np.median(picture[picture > 40]) for picture, mask in pictures_of(PITUITARY)]
    assert min(brightness) > 1
    assert np.median(brightness) > 1.25


def test_bright_pixels_alone_do_not_tell_the_classes_apart():
    """Every kind shows vessels, sinuses and fat: a threshold on the share of bright pixels is near to guessing."""
    share = {kind: np.array([np.mean(picture > 150) for picture, _ in pictures_of(kind)]) for kind in KINDS}
    for kind in (GLIOMA, MENINGIOMA, PITUITARY):
        best = max(
            (np.mean(share[kind] > cut) + np.mean(share[NONE] <= cut)) / 2 for cut in np.concatenate(list(share.values()))
        )
        assert best < 0.85
