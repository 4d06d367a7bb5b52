from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from torch.nn import functional as F

import tiny
from crosslabel.checkpoints import ModelStore
from crosslabel.inference import load_predictor
from crosslabel.inference.trust import Descriptors, Neighbourhood, Trust, describe, described, fit_temperature, learn_trust
from crosslabel.inference.views import changed_views, normalised_entropy
from crosslabel.networks import build_network
from crosslabel.tasks.building import network_of


def logits(images: int, sharpness: float, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits whose softmax is right as often as it says, made too sure by a factor."""
    rng = np.random.default_rng(seed)
    honest = rng.normal(size=(images, 3)) * 1.5
    probabilities = np.exp(honest) / np.exp(honest).sum(axis=1, keepdims=True)
    classes = np.array([rng.choice(3, p=row) for row in probabilities])
    return torch.from_numpy(honest * sharpness).float(), torch.from_numpy(classes)


def descriptors(images: int, seed: int, shift: float = 0.0) -> Descriptors:
    generator = torch.Generator().manual_seed(seed)
    deep = F.normalize(torch.randn(images, 12, generator=generator) + 3, dim=1)
    early = torch.randn(images, 6, generator=generator) * 4 + shift
    return Descriptors(torch.randn(images, 3, generator=generator), deep, early)


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 4.0])
def test_the_temperature_undoes_what_made_the_logits_too_sure(sharpness):
    values, classes = logits(3000, sharpness)
    found = fit_temperature(values, classes)
    assert found == pytest.approx(sharpness, rel=0.1)
    smoothing = 1 / 3002

    def loss(temperature: float) -> float:
        return float(F.cross_entropy(values / temperature, classes, label_smoothing=smoothing))

    assert loss(found) <= minimize_scalar(loss, bounds=(0.05, 20), method="bounded").fun + 1e-5


def test_two_images_that_are_right_do_not_make_a_network_certain():
    found = fit_temperature(torch.tensor([[9.0, 0.0], [0.0, 9.0]]), torch.tensor([0, 1]))
    assert torch.tensor([9.0, 0.0]).div(found).softmax(dim=0)[0] < 0.95


def test_distances_are_those_to_the_nearest_training_images():
    training = descriptors(30, 0).early
    found = Neighbourhood.of(training).distance(descriptors(4, 1).early)
    center, scale = training.mean(dim=0), training.std(dim=0, correction=0)
    for number, one in enumerate(descriptors(4, 1).early):
        distances = sorted(float(((one - center) / scale - (other - center) / scale).norm()) for other in training)
        assert float(found[number]) == pytest.approx(np.mean(distances[:5]), rel=1e-3)


@pytest.mark.parametrize("held_back", [True, False])
def test_the_threshold_lets_the_wanted_share_of_like_images_pass_and_stops_unlike_ones(held_back):
    like, classes = descriptors(200, 2), torch.zeros(200, dtype=torch.long)
    trust = learn_trust(descriptors(300, 1), like if held_back else None, classes if held_back else None, share=0.9)
    assert trust.calibrated == held_back
    passed = (trust.score(descriptors(400, 3)) <= trust.threshold).float().mean()
    assert 0.8 < float(passed) < 0.97
    assert (trust.score(descriptors(50, 4, shift=40.0)) > trust.threshold).all()


def test_trust_survives_json_and_a_file_of_tensors(tmp_path):
    task = tiny.classification_task()
    network = network_of(task)
    trust = learn_trust(descriptors(40, 1), descriptors(20, 2), torch.zeros(20, dtype=torch.long), share=0.9)
    store = ModelStore(tmp_path)
    facts = json.loads(json.dumps({"trust": trust.facts()}))
    store.publish(task, network.state_dict(), facts, extras=trust.tensors())
    loaded = Trust.of(store.load(task))
    probe = descriptors(9, 5)
    torch.testing.assert_close(loaded.score(probe), trust.score(probe))
    assert (loaded.temperature, loaded.threshold, loaded.calibrated) == (trust.temperature, trust.threshold, True)


def test_a_checkpoint_that_learnt_nothing_of_its_limits_says_so(tmp_path):
    task = tiny.classification_task()
    store = ModelStore(tmp_path)
    store.publish(task, network_of(task).state_dict(), {})
    predictor = load_predictor(task, store, "cpu")
    assert predictor.trust.score(describe(predictor.network, torch.zeros(1, 1, 32, 32))) is None
    assert not predictor.trust.calibrated


@pytest.mark.parametrize("dimension", [2, 3])
def test_descriptors_of_an_image_do_not_depend_on_its_neighbours_in_the_batch(dimension):
    network = build_network(
        "torchvision.resnet18", {"cut": "layer1"}, in_channels=1, out_channels=2, spatial_dims=dimension
    ).eval()
    images = torch.randn(5, 1, *(24, 20, 6)[:dimension])
    together = described(network, lambda index: images[index], 5, batch_size=5)
    alone = described(network, lambda index: images[index], 5, batch_size=1)
    for name in ("logits", "deep", "early"):
        torch.testing.assert_close(getattr(together, name), getattr(alone, name), rtol=1e-3, atol=1e-4)
    assert together.early.shape == (5, 128)


@pytest.mark.parametrize("shape", [(1, 24, 20), (2, 12, 10, 8)])
def test_views_are_small_changes_and_the_same_ones_every_time(shape):
    axes = torch.meshgrid(*(torch.linspace(-1, 1, size) for size in shape[1:]), indexing="ij")
    image = sum(axis * (index + 1) for index, axis in enumerate(axes)).expand(*shape)
    views = changed_views(image, 6, flip_axes=(1,))
    assert views.shape == (6, *shape)
    torch.testing.assert_close(views, changed_views(image, 6, flip_axes=(1,)))
    assert not torch.equal(views[0], views[2])
    for number, view in enumerate(views):
        mirrored = image.flip(2) if number % 2 else image
        assert (view - mirrored).abs().mean() < 0.35
        assert (view - image).abs().mean() > 0.01
    assert changed_views(image, 0, ()).shape == (0, *shape)


def test_entropy_is_nought_for_certain_and_one_for_no_idea():
    assert normalised_entropy(torch.tensor([[1.0, 0.0, 0.0]])) == pytest.approx(0, abs=1e-6)
    assert normalised_entropy(torch.full((2, 3), 1 / 3)) == pytest.approx(1)
    # Views that contradict each other are no better than no idea.
    assert normalised_entropy(torch.tensor([[1.0, 0.0], [0.0, 1.0]])) == pytest.approx(1)


def test_a_network_without_convolutions_or_a_linear_head_is_described_too():
    class Mean(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = torch.nn.Parameter(torch.ones(2))

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.scale * images.flatten(1).mean(dim=1, keepdim=True)

    found = describe(Mean(), torch.randn(3, 1, 8, 8))
    torch.testing.assert_close(found.early, found.deep)
    assert found.deep.shape == (3, 2)


@pytest.mark.parametrize("dimension", [2, 3])
def test_the_look_of_an_image_is_mean_and_deviation_of_the_first_maps_over_all_positions(dimension):
    network = build_network(
        "torchvision.resnet18", {"cut": "layer1"}, in_channels=1, out_channels=2, spatial_dims=dimension
    ).eval()
    images = torch.randn(2, 1, *(24, 20, 6)[:dimension])
    with torch.inference_mode():
        found = describe(network, images).early
        for number, image in enumerate(images):
            planes = image.movedim(-1, 0) if dimension == 3 else image[None]
            maps = network.trunk.conv1(planes).movedim(1, 0).flatten(1)
            expected = torch.cat([maps.mean(dim=1), maps.std(dim=1, correction=0)])
            torch.testing.assert_close(found[number], expected, rtol=1e-3, atol=1e-4)


def test_of_more_training_images_than_are_kept_the_threshold_still_lets_the_wanted_share_pass():
    trust = learn_trust(descriptors(4500, 1), None, None, share=0.9)
    (kept, *_) = (len(part.examples) for part in trust.neighbourhoods.values())
    assert kept < 4001
    passed = (trust.score(descriptors(1000, 3)) <= trust.threshold).float().mean()
    assert float(passed) == pytest.approx(0.9, abs=0.03)
