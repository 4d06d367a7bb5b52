from __future__ import annotations

import monai.visualize
import pytest
import torch
from captum.attr import IntegratedGradients
from torch import nn

from crosslabel.errors import TaskError
from crosslabel.explanation import METHODS, attribute, faithfulness
from crosslabel.networks import build_network


def network(name: str, dimension: int = 2, seed: int = 0, **arguments) -> nn.Module:
    torch.manual_seed(seed)
    built = build_network(name, arguments, in_channels=1, out_channels=2, spatial_dims=dimension).eval()
    for module in built.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
            module.running_var.uniform_(0.5, 1.5)
    return built


def image(dimension: int = 2, seed: int = 0) -> torch.Tensor:
    return torch.randn(1, 1, *(40, 36, 12)[:dimension], generator=torch.Generator().manual_seed(seed))


NETWORKS = [
    ("torchvision.resnet18", 2, {"cut": "layer2"}, "trunk"),
    ("torchvision.densenet121", 2, {"cut": "denseblock2.denselayer2"}, "trunk"),
    ("resnet10", 2, {"widen_factor": 0.25}, "layer4"),
    ("resnet10", 3, {"widen_factor": 0.125}, "layer4"),
]


@pytest.mark.parametrize(("name", "dimension", "arguments", "layer"), NETWORKS)
def test_grad_cam_is_monais(name, dimension, arguments, layer):
    built = network(name, dimension, **arguments)
    # With random weights one of the two classes may have nothing that speaks for it.
    target = max((0, 1), key=lambda number: float(attribute(built, image(dimension), number, "gradcam").max()))
    found = attribute(built, image(dimension), target, "gradcam")
    oracle = monai.visualize.GradCAM(
        network(name, dimension, **arguments), target_layers=layer, postprocessing=lambda maps: maps
    )
    expected = oracle(image(dimension), class_idx=target)[0, 0].detach()
    assert float(expected.max()) > 0
    torch.testing.assert_close(found / found.max(), expected / expected.max(), rtol=0.05, atol=0.02)
    assert float(torch.corrcoef(torch.stack([found.flatten(), expected.flatten()]))[0, 1]) > 0.999


@pytest.mark.parametrize(("name", "dimension", "arguments", "layer"), NETWORKS)
def test_grad_cam_plus_plus_is_the_papers(name, dimension, arguments, layer):
    built, kept = network(name, dimension, **arguments), []
    module = built.get_submodule(layer)
    target = max((0, 1), key=lambda number: float(attribute(built, image(dimension), number, "gradcam++").max()))
    found = attribute(built, image(dimension), target, "gradcam++")

    handle = module.register_forward_hook(lambda _, inputs, output: kept.append(output))
    logit = built(image(dimension))[0, target]
    handle.remove()
    (gradients,) = torch.autograd.grad(logit, kept[0])
    expected = torch.zeros(kept[0].shape[2:])
    for channel, gradient in zip(kept[0][0].detach(), gradients[0], strict=True):
        weight = 0.0
        for slope in gradient.flatten().tolist():
            # Equation 19, and the ReLU of equation 9.
            denominator = 2 * slope**2 + float(channel.sum()) * slope**3
            weight += max(slope, 0.0) * (slope**2 / denominator if denominator else 0.0)
        expected += weight * channel
    expected = expected.clamp(min=0)
    grown = nn.functional.interpolate(
        expected[None, None], size=found.shape, mode="bilinear" if dimension == 2 else "trilinear", align_corners=False
    )[0, 0]
    assert float(grown.max()) > 0
    torch.testing.assert_close(found / found.max(), grown / grown.max(), rtol=0.05, atol=0.02)


def test_integrated_gradients_are_captums_and_complete():
    built, one = network("resnet10", widen_factor=0.25), image()
    found = attribute(built, one, 1, "integrated_gradients")
    baseline = torch.full_like(one, float(one.min()))
    expected = IntegratedGradients(built).attribute(one, baseline, target=1, n_steps=24, method="riemann_middle")
    torch.testing.assert_close(found, expected[0, 0].detach().float(), rtol=1e-3, atol=1e-5)
    with torch.no_grad():
        difference = float(built(one)[0, 1] - built(baseline)[0, 1])
    assert float(found.sum()) == pytest.approx(difference, rel=0.15, abs=0.02)


class _Corner(nn.Module):
    """Goes by the mean of one corner alone."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(4.0))
        self.window = (slice(None), slice(None), *[slice(4, 12)] * dimension)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        score = self.scale * (images[self.window].flatten(1).mean(dim=1) - 0.5)
        return torch.stack([-score, score], dim=1)


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("method", ["occlusion", "integrated_gradients"])
def test_a_map_marks_what_the_network_goes_by(method, dimension):
    bright = torch.zeros(1, 1, *(32, 32, 16)[:dimension])
    bright[(slice(None), slice(None), *[slice(4, 12)] * dimension)] = 1
    found = attribute(_Corner(dimension), bright, 1, method)
    inside = found[tuple([slice(4, 12)] * dimension)].relu()
    assert float(inside.mean()) > 4 * float(found.relu().mean())


@pytest.mark.parametrize("axis", [0, 2])
@pytest.mark.parametrize("method", ["gradcam", "gradcam++", "integrated_gradients"])
def test_a_volume_seen_slice_by_slice_is_explained_in_its_own_axes(method, axis):
    built = network("torchvision.resnet18", 3, cut="layer1", slice_axis=axis)
    volume = torch.zeros(1, 1, 20, 18, 16)
    # One slice differs from all others: what speaks for or against the class lies there.
    volume.select(2 + axis, 5).copy_(torch.randn(volume.select(2 + axis, 5).shape))
    maps = [attribute(built, volume, target, method) for target in (0, 1)]
    profile = sum(found.abs() for found in maps).movedim(axis, 0).flatten(1).std(dim=1)
    assert maps[0].shape == (20, 18, 16)
    assert int(profile.argmax()) in (4, 5, 6)


@pytest.mark.parametrize("method", METHODS)
def test_randomised_weights_change_the_map(method):
    """The sanity check of Adebayo et al. (NeurIPS 2018): a map that does not depend on the weights explains nothing."""
    one = image()
    first, again, other = (network("torchvision.resnet18", seed=seed, cut="layer2") for seed in (0, 0, 1))
    # Of both classes, because a random network may see nothing that speaks for one of them.
    maps = [sum(attribute(built, one, target, method) for target in (0, 1)).flatten() for built in (first, again, other)]
    torch.testing.assert_close(maps[0], maps[1])
    correlation = float(torch.corrcoef(torch.stack([maps[0], maps[2]]))[0, 1])
    assert correlation < 0.95


@pytest.mark.parametrize("method", METHODS)
def test_explaining_leaves_the_network_as_it_was(method):
    built = network("torchvision.resnet18", cut="layer1")
    built.requires_grad_(False)
    before = {name: value.clone() for name, value in built.state_dict().items()}
    with torch.inference_mode():
        attribute(built, image(), 0, method)
    assert not built.training
    assert all(not module._forward_hooks and not module._backward_hooks for module in built.modules())
    assert all(torch.equal(value, before[name]) for name, value in built.state_dict().items())


def test_an_unknown_method_is_named_with_the_known_ones():
    with pytest.raises(TaskError, match=r"no explanation 'magic'; choose one of gradcam, gradcam\+\+, integrated"):
        attribute(network("resnet10", widen_factor=0.125), image(), 0, "magic")


@pytest.mark.parametrize("dimension", [2, 3])
def test_a_map_of_what_counts_is_more_faithful_than_its_opposite(dimension):
    corner = (slice(None), slice(None), *[slice(4, 12)] * dimension)
    bright = torch.zeros(1, 1, *(32, 32, 16)[:dimension])
    bright[corner] = 1
    built = _Corner(dimension)
    truth = bright[0, 0]
    good, bad = faithfulness(built, bright, 1, truth), faithfulness(built, bright, 1, -truth)
    assert good.deletion < bad.deletion
    assert good.insertion > bad.insertion
    assert good.insertion - good.deletion > 0.1 > bad.insertion - bad.deletion
    whole = float(built(bright).softmax(dim=1)[0, 1])
    assert good.deletion_curve[0] == pytest.approx(whole)
    assert good.insertion_curve[-1] == pytest.approx(whole)
