from __future__ import annotations

import numpy as np
import pytest
import torch

import tiny
from crosslabel.augmentation import basic_augmentation, seeded


def patch() -> dict[str, torch.Tensor]:
    """A bright box near one corner, labelled 2, and a smaller one beside it, labelled 1."""
    label = torch.zeros(1, 16, 16, 16)
    label[0, 2:6, 2:6, 2:6] = 2
    label[0, 1:4, 7:10, 2:5] = 1
    noise = torch.from_numpy(np.random.default_rng(0).normal(0, 0.1, label.shape)).float()
    return {"image": noise + 0.8 * (label == 2), "label": label}


def draws(task, seed: int, count: int = 12) -> list[dict[str, torch.Tensor]]:
    transform = basic_augmentation(task)
    return [seeded(transform, seed, number)(patch()) for number in range(count)]


def test_the_same_numbers_draw_the_same_patch_and_others_another():
    task = tiny.segmentation_task()
    first, again, other = draws(task, 1), draws(task, 1), draws(task, 2)
    assert all(torch.equal(a["image"], b["image"]) for a, b in zip(first, again, strict=True))
    assert not all(torch.equal(a["image"], b["image"]) for a, b in zip(first, other, strict=True))


def test_a_draw_does_not_depend_on_what_was_drawn_before():
    task = tiny.segmentation_task()
    last_alone = seeded(basic_augmentation(task), 1, 11)(patch())
    torch.testing.assert_close(draws(task, 1)[-1]["image"], last_alone["image"])


def test_labels_stay_indices_and_images_stay_finite_in_shape():
    for drawn in draws(tiny.segmentation_task(), 3):
        assert drawn["image"].shape == drawn["label"].shape == (1, 16, 16, 16)
        assert torch.isfinite(drawn["image"]).all()
        assert set(torch.unique(drawn["label"]).tolist()) <= {0.0, 1.0, 2.0}


def label_moves_with_image(drawn: dict[str, torch.Tensor]) -> bool:
    inside = drawn["image"][drawn["label"] == 2]
    return inside.numel() == 0 or float(inside.mean()) > float(drawn["image"][drawn["label"] == 0].mean())


def test_image_and_label_are_moved_together():
    assert all(label_moves_with_image(drawn) for drawn in draws(tiny.segmentation_task(), 4))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_sides_are_exchanged_only_where_the_task_allows_it(axis):
    def centre(drawn: dict[str, torch.Tensor]) -> float:
        return float(torch.nonzero(drawn["label"][0] == 2).float().mean(0)[axis])

    start = centre(patch())
    settings = {"epochs": 1, "steps_per_epoch": 1}
    kept = draws(tiny.segmentation_task(training=settings), 5)
    flipped = draws(tiny.segmentation_task(training={**settings, "flip_axes": [axis]}), 5)
    assert all(abs(centre(drawn) - start) < 3 for drawn in kept)
    assert any(abs(centre(drawn) - (15 - start)) < 3 and abs(centre(drawn) - start) > 3 for drawn in flipped)
