from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import tiny
from crosslabel.images import Grid, Image, Modality
from crosslabel.inference import Opinions, Segmenter, ask, largest_components, standard_views
from crosslabel.tasks.building import network_of


@pytest.fixture
def task():
    return tiny.segmentation_task(
        training={"flip_axes": [0, 2]},
        labels=[
            {"name": "first", "value": 2, "color": "#ff0000", "single": True},
            {"name": "second", "value": 7, "color": "#00ff00"},
        ],
    )


def test_every_view_is_undone_exactly(task):
    image = torch.rand(1, 9, 8, 7, generator=torch.Generator().manual_seed(0))
    for view in standard_views(task):
        assert view.undo(view.apply(image)).shape == image.shape
    places = torch.arange(9 * 8 * 7.0).reshape(1, 9, 8, 7)
    geometric = [view for view in standard_views(task) if type(view).__name__ != "Intensity"]
    assert len(geometric) == 4
    for view in geometric:
        torch.testing.assert_close(view.undo(view.apply(places)), places)


def test_mean_votes_agreement_and_entropy_are_those_of_the_views_one_by_one(task):
    class Window:
        """Says what the image's grey value is, so that darker and brighter views differ."""

        def __call__(self, network, tensor):
            return torch.stack([tensor[0], 1 - tensor[0], torch.full_like(tensor[0], 0.3)]).softmax(0)

    image = torch.rand(1, 6, 5, 4, generator=torch.Generator().manual_seed(1))
    views = standard_views(task)
    opinions = ask(torch.nn.Identity(), image, Window(), views)

    each = [view.undo(Window()(None, view.apply(image))) for view in views]
    mean = torch.stack(each).mean(0)
    torch.testing.assert_close(opinions.mean, mean)
    votes = [one.argmax(0).numpy() for one in each]
    np.testing.assert_array_equal(opinions.votes, votes)
    dice = []
    for one, other in combinations(votes, 2):
        dice.append(2 * ((one == 1) & (other == 1)).sum() / ((one == 1).sum() + (other == 1).sum()))
    assert opinions.agreement(1) == pytest.approx(np.mean(dice))
    entropy = -(mean * mean.log()).sum(0) / np.log(3)
    torch.testing.assert_close(opinions.uncertainty()[0], entropy)
    np.testing.assert_allclose(opinions.share(), np.mean(np.stack(votes) == opinions.indices, axis=0), rtol=1e-6)


def test_a_structure_that_no_view_has_has_no_agreement():
    votes = np.zeros((3, 4, 4), np.uint8)
    votes[1, 0, 0] = 2
    opinions = Opinions(torch.full((3, 4, 4), 1 / 3), votes)
    assert opinions.agreement(1) is None
    assert opinions.agreement(2) == pytest.approx((0 + 1 + 0) / 3)
    assert torch.allclose(opinions.uncertainty(), torch.ones(1, 4, 4))


def test_an_augmented_prediction_says_its_quality_and_uncertainty_in_the_grid_of_the_image(task):
    torch.manual_seed(0)
    array, _ = tiny.blobs(0)
    image = Image(array[None], Grid(array.shape, tiny.AFFINE), Modality.MR)
    segmenter = Segmenter(task, network_of(task).eval(), "tiny", demonstration=False)
    plain, augmented = segmenter.predict(image), segmenter.predict(image, augment=True)
    assert plain.quality is None
    assert plain.uncertainty is None
    assert "quality" not in plain.summary()
    assert augmented.label.shape == augmented.uncertainty.shape == array.shape
    assert augmented.uncertainty.dtype == np.float32
    assert 0 <= augmented.uncertainty.min() <= augmented.uncertainty.max() <= 1
    assert set(augmented.quality) == {"first", "second"}
    assert augmented.summary()["quality"] == augmented.quality


def flooded(mask: np.ndarray) -> list[set]:
    """Components by plain flood filling."""
    left, pieces = {tuple(place) for place in np.argwhere(mask)}, []
    while left:
        frontier = [left.pop()]
        piece = set(frontier)
        while frontier:
            place = frontier.pop()
            near = {other for other in left if max(abs(a - b) for a, b in zip(place, other, strict=True)) <= 1}
            left -= near
            piece |= near
            frontier.extend(near)
        pieces.append(piece)
    return pieces


@given(st.integers(0, 2**32 - 1))
def test_only_the_largest_piece_of_a_single_structure_stays(seed):
    indices = np.random.default_rng(seed).choice(3, (5, 4, 3), p=(0.7, 0.15, 0.15)).astype(np.uint8)
    stray = largest_components(indices, (1,))
    assert not stray[indices != 1].any()
    pieces = sorted(map(len, flooded(indices == 1)))
    assert int(((indices == 1) & ~stray).sum()) == (pieces[-1] if pieces else 0)
    kept = flooded((indices == 1) & ~stray)
    assert len(kept) <= 1
