from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import tiny
from crosslabel.checkpoints import ModelStore
from crosslabel.errors import CrossLabelError
from crosslabel.images import Grid, Image, Modality
from crosslabel.inference import Segmenter, SlidingWindow, load_predictor, pick_device
from crosslabel.tasks.building import network_of


class Threshold(nn.Module):
    """Background below 0, the first label up to 0.5, the second above; exact, so that results can be computed by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.sharpness = nn.Parameter(torch.tensor(40.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        distance = torch.cat([-x, torch.minimum(x, 0.5 - x), x - 0.5], dim=1)
        return self.sharpness * distance


def image_of(array: np.ndarray, affine: np.ndarray = tiny.AFFINE) -> Image:
    return Image(array[None].astype(np.float32), Grid(array.shape, affine), modality=Modality.MR)


def segmenter(**changes) -> Segmenter:
    domains = {"target": {"name": "mr", "modality": "MR", "intensity": {"rule": "window", "lower": -1, "upper": 1}}}
    task = tiny.segmentation_task(domains=domains, spacing=[2.0, 2.0, 3.0], **changes)
    return Segmenter(task, Threshold().eval(), "by hand", demonstration=False)


def test_a_label_has_the_values_of_the_task_in_the_grid_of_the_input():
    array = np.random.default_rng(0).uniform(-1, 1, (21, 17, 9))

    result = segmenter().predict(image_of(array))

    expected = np.where(array > 0.5, 7, np.where(array > 0, 2, 0))
    undecided = (np.abs(array) < 1e-3) | (np.abs(array - 0.5) < 1e-3)
    np.testing.assert_array_equal(result.label[~undecided], expected[~undecided])
    assert result.grid.same_as(Grid(array.shape, tiny.AFFINE))
    assert result.label.dtype == np.uint16


def test_volumes_are_in_millilitres_and_an_empty_label_has_no_confidence():
    array = np.full((12, 10, 8), -0.9)
    array[2:6, 2:7, 1:4] = 0.25

    result = segmenter().predict(image_of(array))

    assert result.volumes_ml["first"] == pytest.approx(4 * 5 * 3 * 12 / 1000)
    assert result.volumes_ml["second"] == 0
    assert result.confidence["first"] == pytest.approx(1, abs=1e-3)
    assert result.confidence["second"] is None


@pytest.mark.parametrize("shape", [(5, 4, 3), (16, 16, 16), (40, 9, 23)])
def test_images_smaller_and_larger_than_the_window_are_covered_whole(shape):
    tensor = torch.rand(1, *shape)

    probabilities = SlidingWindow((16, 16, 16))(Threshold(), tensor)

    expected = Threshold()(tensor[None])[0].softmax(0).detach()
    torch.testing.assert_close(probabilities, expected, atol=1e-4, rtol=1e-4)


def test_the_orientation_in_which_a_volume_is_stored_does_not_change_the_answer(tmp_path):
    task = tiny.segmentation_task()
    store = ModelStore(tmp_path)
    torch.manual_seed(0)
    store.publish(task, network_of(task).state_dict(), {})
    predictor = load_predictor(task, store, "cpu")
    array, _ = tiny.blobs(3)
    # turned[a, b, c] is array[b, 27 - a, 17 - c]: the affine sends its index to the same place in the world.
    turned = array.transpose(1, 0, 2)[::-1, :, ::-1]
    index = np.array([[0, 1, 0, 0], [-1, 0, 0, 27], [0, 0, -1, 17], [0, 0, 0, 1]], float)

    straight = predictor.predict(image_of(array)).label
    other = predictor.predict(image_of(turned, tiny.AFFINE @ index)).label

    np.testing.assert_array_equal(other[::-1, :, ::-1].transpose(1, 0, 2), straight)
    assert len(np.unique(straight)) > 1


def test_a_device_that_is_not_there_is_named():
    with pytest.raises(CrossLabelError, match="The device 'warp' is not on this machine; use auto or cpu"):
        pick_device("warp")


@pytest.mark.parametrize("name", ["auto", "cuda"])
def test_a_gpu_is_known_by_its_number_as_limits_of_its_memory_need(monkeypatch, name):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 3)
    monkeypatch.setattr(torch, "empty", lambda *size, device: None)
    assert pick_device(name) == torch.device("cuda", 3)
