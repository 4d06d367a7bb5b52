from __future__ import annotations

import numpy as np
import pytest
import torch
import torchvision
from torch import nn

from crosslabel.errors import TaskError
from crosslabel.networks import build_network
from crosslabel.networks.backbones import build_trunk, truncate
from crosslabel.networks.slice_attention import GatedAttention


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def classifier(name: str, channels: int = 3, dimension: int = 2, **arguments) -> nn.Module:
    torch.manual_seed(0)
    return build_network(f"torchvision.{name}", arguments, in_channels=channels, out_channels=2, spatial_dims=dimension).eval()


@pytest.mark.parametrize(
    ("name", "cut", "count", "published"),
    [
        ("resnet50", "layer3.3", 6_308_928, 6.309),
        ("resnet50", "layer3", 8_543_296, 8.543),
        ("resnet50", None, 23_508_032, 23.508),
        ("densenet121", "transition1", 377_856, 0.378),
        ("densenet121", "transition2", 1_429_632, 1.43),
        ("densenet121", "transition3", 4_793_728, 4.79),
    ],
)
def test_a_cut_backbone_has_exactly_the_published_number_of_parameters(name, cut, count, published):
    # As in the publication, the global average pooling has none and the linear head is not counted.
    with torch.device("meta"):
        found = parameters(build_trunk(name, 3, cut))
    assert found == count
    assert round(found / 1e6, len(str(published).split(".")[1])) == published


@pytest.mark.parametrize("name", ["vgg11_bn", "resnet18", "densenet121", "googlenet", "inception_v3"])
def test_the_features_are_those_that_torchvision_hands_to_its_head(name):
    extra = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    reference = getattr(torchvision.models, name)(weights=None, **extra).eval()
    network = classifier(name)
    own = network.trunk.state_dict()
    theirs = {key.removeprefix("features."): value for key, value in reference.state_dict().items()}
    network.trunk.load_state_dict({key: theirs[key] for key in own})
    image = torch.randn(1, 3, 96, 96)

    seen = []
    head = reference.classifier if hasattr(reference, "classifier") else reference.fc
    head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.inference_mode():
        found = network.features(image)
        reference(image)
        # VGG flattens 7 x 7 positions where this project averages over all of them.
        expected = reference.features(image).mean(dim=(2, 3)) if name.startswith("vgg") else seen[0]
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(
    ("name", "cut"), [("resnet18", "layer2.0"), ("densenet121", "denseblock2.denselayer3"), ("vgg11", "5")]
)
def test_a_cut_network_gives_what_the_layer_gave_in_the_whole_one(name, cut):
    whole, cut_off = build_trunk(name, 3).eval(), build_trunk(name, 3, cut).eval()
    cut_off.load_state_dict({key: value for key, value in whole.state_dict().items() if key in cut_off.state_dict()})
    image = torch.randn(1, 3, 64, 64)
    seen = []
    with torch.inference_mode():
        found = cut_off(image)
        if name == "densenet121":
            # Inside a dense block, what goes on is everything so far.
            before = whole.transition1(whole.denseblock1(whole.pool0(whole.relu0(whole.norm0(whole.conv0(image))))))
            parts = [before]
            for number in (1, 2, 3):
                parts.append(getattr(whole.denseblock2, f"denselayer{number}")(parts))
            expected = torch.cat(parts, dim=1)
        else:
            whole.get_submodule(cut).register_forward_hook(lambda _, inputs, output: seen.append(output.clone()))
            whole(image)
            expected = seen[0]
    torch.testing.assert_close(found, expected)


def test_where_a_backbone_cannot_be_cut_is_said_with_where_it_can():
    with pytest.raises(TaskError, match="resnet18 cannot be cut after 'layer9'; its blocks end at layer1, layer2, layer3"):
        build_trunk("resnet18", 3, "layer9")
    trunk = build_trunk("resnet18", 3, "layer1")
    with pytest.raises(TaskError, match="already cut after layer1, before 'layer2'"):
        truncate(trunk, "layer2")


def test_an_unknown_backbone_is_named_with_its_neighbours():
    with pytest.raises(TaskError, match=r"no network 'torchvision.resnet19' \(did you mean torchvision.resnet1"):
        classifier("resnet19")


@pytest.mark.parametrize("channels", [1, 4])
def test_the_input_may_have_any_number_of_channels(channels):
    with torch.inference_mode():
        assert classifier("resnet18", channels, cut="layer1")(torch.randn(2, channels, 40, 36)).shape == (2, 2)


def test_gated_attention_is_the_published_formula():
    torch.manual_seed(1)
    pool = GatedAttention(features=6, hidden=4).eval()
    instances = torch.randn(2, 5, 6)
    with torch.inference_mode():
        pooled, weights = pool(instances)
    v, u = (layer.weight.detach().numpy() for layer in (pool.value, pool.gate))
    bv, bu = (layer.bias.detach().numpy() for layer in (pool.value, pool.gate))
    w, bw = pool.weigh.weight.detach().numpy()[0], pool.weigh.bias.item()
    for batch in range(2):
        h = instances[batch].numpy()
        scores = np.array([w @ (np.tanh(v @ one + bv) / (1 + np.exp(-(u @ one + bu)))) + bw for one in h])
        expected = np.exp(scores) / np.exp(scores).sum()
        np.testing.assert_allclose(weights[batch], expected, rtol=1e-5)
        np.testing.assert_allclose(pooled[batch], expected @ h, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_volume_is_seen_slice_by_slice_along_the_chosen_axis(axis):
    network = classifier("resnet18", 1, 3, cut="layer1", slice_axis=axis)
    volume = torch.randn(1, 1, 33, 34, 35)
    with torch.inference_mode():
        found, weights = network.features_and_weights(volume)
        each = torch.cat([network.trunk(volume.select(2 + axis, index)).mean(dim=(2, 3)) for index in range(33 + axis)])
        expected, expected_weights = network.attention(each[None])
    assert weights.shape == (1, 33 + axis)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(weights, expected_weights, rtol=1e-4, atol=1e-5)
    assert float(weights.sum()) == pytest.approx(1, abs=1e-5)
