"""Each artefact against what physics or arithmetic says of it."""

from __future__ import annotations

import numpy as np
import pytest

from crosslabel.augmentation import operations


def ball(*shape: int) -> np.ndarray:
    axes = np.meshgrid(*(np.linspace(-1, 1, size) for size in shape), indexing="ij")
    return (sum(axis**2 for axis in axes) < 0.4).astype(np.float32)[None]


@pytest.mark.parametrize("shape", [(40, 36), (20, 22, 14)])
@pytest.mark.parametrize(("name", "more"), [("elastic", {"sigma": 3.0}), ("bspline", {"control_points": 6})])
def test_no_voxel_moves_farther_than_the_magnitude(shape, name, more):
    # A ramp tells how far along its axis a voxel came from.
    for axis in range(len(shape)):
        ramp = np.broadcast_to(np.indices(shape)[axis], shape).astype(np.float32)[None]
        moved = getattr(operations, name)(ramp, seed=3, magnitude=2.5, **more)
        distance = np.abs(moved - ramp)
        assert distance.max() <= 2.5 + 1e-4
        assert distance.max() > 0.3


def test_the_border_of_a_free_form_deformation_moves_least():
    ramp = np.indices((40, 40))[0].astype(np.float32)[None]
    moved = np.abs(operations.bspline(ramp, seed=0, magnitude=3.0, control_points=7) - ramp)[0]
    assert moved[0].mean() < 0.5 * moved[10:30].mean()


def test_a_bias_field_is_a_smooth_gain():
    flat = np.concatenate([np.zeros((1, 1, 32)), np.full((1, 31, 32), 2.0)], axis=1).astype(np.float32)
    found = operations.bias_field(flat, coefficients=[0.3, 0, 0, 0, 0])
    rows = np.linspace(-1, 1, 32)
    np.testing.assert_allclose(found[0, 1:, 5], 2 * np.exp(0.3 * rows[1:]), rtol=1e-5)
    assert (found[0, 0] == 0).all()


@pytest.mark.parametrize("axis", [0, 1])
def test_ghosts_are_copies_shifted_by_equal_parts_of_the_field_of_view(axis):
    image = np.zeros((1, 40, 40), np.float32)
    image[0, 20, 20] = 1
    found = operations.ghosting(image, axis=axis, ghosts=4, intensity=1.0)[0]
    profile = np.abs(found).max(axis=1 - axis)
    places = set(np.flatnonzero(profile > 0.1))
    assert places == {0, 10, 20, 30}


def test_a_spike_is_one_frequency():
    image = ball(32, 32)
    stripes = operations.spike(image, place=[0.25, 0.125], intensity=0.1) - image
    spectrum = np.abs(np.fft.fft2(stripes[0]))
    strongest = np.unravel_index(spectrum.argmax(), spectrum.shape)
    assert strongest in {(8, 4), (24, 28)}
    assert stripes.max() == pytest.approx(0.1, abs=1e-3)


def test_noise_of_a_magnitude_image_lifts_the_background_and_leaves_the_signal():
    image = np.concatenate([np.zeros((1, 100, 100)), np.full((1, 100, 100), 10.0)], axis=1).astype(np.float32)
    found = operations.rician_noise(image, seed=0, deviation=0.05)
    # Rayleigh: sigma * sqrt(pi / 2).
    assert found[0, :100].mean() == pytest.approx(0.5 * np.sqrt(np.pi / 2), rel=0.03)
    assert found[0, 100:].mean() == pytest.approx(10, rel=0.01)


def test_rings_are_the_same_all_around_the_centre_and_in_all_slices():
    image = np.concatenate([np.zeros((1, 41, 41, 2)), np.ones((1, 41, 41, 1))], axis=3).astype(np.float32)
    pattern = (operations.rings(image, seed=1, amplitude=0.1, width=2.0) - image)[0]
    np.testing.assert_allclose(pattern[..., 0], pattern[..., 2], atol=1e-6)
    np.testing.assert_allclose(pattern[..., 0], np.rot90(pattern[..., 0]), atol=1e-6)
    assert pattern.std() > 0.03


def test_beam_hardening_darkens_the_middle_of_the_body_and_nothing_else():
    image = ball(41, 41)
    found = operations.beam_hardening(image, strength=0.2)
    assert found[0, 20, 20] == pytest.approx(0.8, abs=0.01)
    assert (found[image == 0] == 0).all()
    middle = found[0, 20]
    inside = np.flatnonzero(image[0, 20])
    assert middle[inside[0]] > middle[inside[len(inside) // 2]]
