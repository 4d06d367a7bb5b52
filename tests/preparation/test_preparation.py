from __future__ import annotations

import numpy as np
import pytest
import torch

import tiny
from crosslabel.errors import ImageError, TaskError
from crosslabel.images import Grid, Image, Modality
from crosslabel.preparation import Preparation


def volume(array: np.ndarray, affine: np.ndarray = tiny.AFFINE, **known) -> Image:
    return Image(array[None].astype(np.float32), Grid(array.shape, affine), **known)


def test_a_label_returns_to_the_grid_it_came_from():
    task = tiny.segmentation_task(spacing=[2.0, 2.0, 3.0])
    array, label = tiny.blobs(0)
    image = volume(array, modality=Modality.MR)
    preparation = Preparation(task)

    prepared = preparation.forward(image)
    indices = preparation.labels(label, image.grid, prepared)
    maps = torch.nn.functional.one_hot(indices[0], 3).movedim(-1, 0)
    back = preparation.inverse(maps, prepared).argmax(0).numpy()

    np.testing.assert_array_equal(task.values_of(back), label)


def test_a_coarser_spacing_keeps_the_volume_of_a_label():
    task = tiny.segmentation_task()
    array, label = tiny.blobs(1)
    image = volume(array, modality=Modality.MR)
    preparation = Preparation(task)

    prepared = preparation.forward(image)
    indices = preparation.labels(label, image.grid, prepared)

    for index, value in ((1, 2), (2, 7)):
        before = (label == value).sum() * image.grid.voxel_volume_ml
        after = (indices == index).sum().item() * prepared.grid.voxel_volume_ml
        assert after == pytest.approx(before, rel=0.25)


@pytest.mark.parametrize("shape", [(40, 30), (30, 40), (17, 33), (64, 64), (20, 90)])
def test_a_picture_is_fitted_into_the_patch_and_maps_return_to_its_pixels(shape):
    task = tiny.classification_task()
    rows, columns = np.indices(shape)
    ramp = (rows / shape[0] + columns / shape[1]).astype(np.float32)
    image = Image(ramp[None], Grid.of_picture(*shape), modality=Modality.XR)
    preparation = Preparation(task)

    prepared = preparation.forward(image)
    back = preparation.inverse(prepared.tensor, prepared)

    assert prepared.tensor.shape == (1, 32, 32)
    assert back.shape == (1, *shape)
    assert np.corrcoef(back[0].numpy().ravel(), ramp.ravel())[0, 1] > 0.98


def test_the_frame_of_a_fitted_picture_says_where_its_pixels_are():
    task = tiny.classification_task()
    image = Image(np.zeros((1, 64, 32), np.float32), Grid.of_picture(64, 32), modality=Modality.XR)

    prepared = Preparation(task).forward(image)

    np.testing.assert_allclose(prepared.grid.world(np.array([15.5, 15.5])), image.grid.world(np.array([31.5, 15.5])), atol=1e-9)
    np.testing.assert_allclose(prepared.grid.spacing, (2, 2))


def test_a_picture_is_never_taken_for_a_volume():
    picture = Image(np.zeros((1, 9, 9), np.float32), Grid.of_picture(9, 9))
    with pytest.raises(ImageError, match="3-D images and this one is 2-D"):
        Preparation(tiny.segmentation_task()).forward(picture)


def test_an_image_of_another_modality_is_refused():
    with pytest.raises(ImageError, match="is for MR and this image is CT"):
        Preparation(tiny.segmentation_task()).forward(volume(np.zeros((4, 4, 4)), modality=Modality.CT))


def test_an_unknown_modality_is_asked_for_only_where_it_matters():
    image = volume(np.zeros((4, 4, 4)))
    assert Preparation(tiny.segmentation_task()).forward(image).domain.name == "mr"
    domains = {
        "target": {"name": "mr", "modality": "MR", "intensity": {"rule": "percentile"}},
        "sources": [{"name": "ct", "modality": "CT", "intensity": {"rule": "window", "lower": 0, "upper": 1}}],
    }
    with pytest.raises(TaskError, match="Is this image MR or CT"):
        Preparation(tiny.segmentation_task(domains=domains)).forward(image)


def test_too_many_channels_are_refused():
    image = Image(np.zeros((3, 4, 4, 4), np.float32), Grid((4, 4, 4), np.eye(4)))
    with pytest.raises(ImageError, match="takes images of 1 channel"):
        Preparation(tiny.segmentation_task()).forward(image)


def test_a_label_in_another_grid_than_its_image_is_refused():
    task = tiny.segmentation_task()
    array, label = tiny.blobs(0)
    preparation = Preparation(task)
    prepared = preparation.forward(volume(array))
    moved = tiny.AFFINE.copy()
    moved[0, 3] += 5
    with pytest.raises(ImageError, match="resample the label onto its image"):
        preparation.labels(label, Grid(label.shape, moved), prepared)
