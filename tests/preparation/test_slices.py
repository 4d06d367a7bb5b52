"""Slices of stored volumes and of prepared ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import tiny
from crosslabel.images import Grid, Image, Modality
from crosslabel.preparation import Preparation, Prepared, classes_of_slices, resample, stored_axis, stored_positions


def prepared(shape, affine, spacing=(2.0, 2.0, 3.0), orientation="RAS") -> Prepared:
    """A volume prepared as a task of classes sees it, on a patch that is larger than the volume."""
    task = tiny.classification_task(
        dimension=3,
        domains={"target": {"name": "mr", "modality": "MR", "intensity": {"rule": "zscore"}}},
        network={"name": "torchvision.resnet18", "arguments": {"cut": "layer1"}},
        spacing=list(spacing),
        orientation=orientation,
        patch=[24, 24, 24],
    )
    array = np.random.default_rng(0).normal(size=(1, *shape)).astype(np.float32)
    return Preparation(task).forward(Image(array, Grid(shape, affine), Modality.MR))


@given(
    st.sampled_from(["RAS", "LPS", "ARS", "LAI", "PLI"]),
    st.floats(1.5, 7),
    st.sampled_from([1, -1]),
    st.dictionaries(st.integers(0, 9), st.integers(0, 2), max_size=6),
)
@settings(max_examples=60, deadline=None)
def test_a_prepared_slice_has_the_class_of_the_stored_slice_that_it_lies_in(orientation, thickness, direction, classes):
    """Against painting the slices and resampling the painting."""
    affine = np.diag([2.0, 2.0, direction * thickness, 1.0])
    volume = prepared((20, 18, 10), affine, (2.0, 2.0, 1.4), orientation)
    painted = torch.full((1, 20, 18, 10), -1.0)
    for number, class_index in classes.items():
        painted[..., number] = class_index
    seen = resample(painted, volume.source, volume.grid, nearest=True)[0, 12, 12]
    found = classes_of_slices(volume, 2, classes)
    positions = stored_positions(volume, 2)
    for number, position in enumerate(positions):
        if -0.49 < position < 9.49 and abs(abs(position) % 1 - 0.5) > 0.01:
            assert found.get(number, -1) == int(seen[number])
        elif not -0.51 < position < 9.51:
            assert number not in found


def test_thin_slices_give_their_class_to_the_slice_next_to_them_and_none_where_two_classes_meet():
    volume = prepared((20, 18, 40), np.diag([2.0, 2.0, 1.0, 1.0]), (2.0, 2.0, 4.0))
    positions = stored_positions(volume, 2)
    classes = {number: int(number >= 20) for number in range(40)}
    found = classes_of_slices(volume, 2, classes)
    for number, position in enumerate(positions):
        met = {classes[k] for k in range(40) if abs(k - position) <= 2}
        assert found.get(number) == (met.pop() if len(met) == 1 else None)
    # Every single one reaches a slice, however thin it is.
    assert all(classes_of_slices(volume, 2, {number: 1}) for number in range(40))


@pytest.mark.parametrize("axis", [0, 1])
def test_classes_of_slices_that_run_another_way_are_no_classes_of_the_seen_slices(axis):
    volume = prepared((20, 18, 10), np.diag([2.0, 2.0, 3.0, 1.0]))
    assert stored_axis(volume, axis) == axis
    assert classes_of_slices(volume, axis, {3: 1}) == {}
    assert classes_of_slices(volume, 2, {3: 1})
