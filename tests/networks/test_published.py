"""Published checkpoints, written by an independent network with the original parameter names."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from crosslabel.errors import CheckpointError
from crosslabel.networks import DARUNet
from networks.published_reference import PublishedDARUNet, randomise


@pytest.fixture(scope="module")
def published() -> PublishedDARUNet:
    return published_network(5)


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "best.pt"


def published_network(num_classes: int) -> PublishedDARUNet:
    torch.manual_seed(num_classes)
    network = PublishedDARUNet(num_classes)
    randomise(network, seed=num_classes)
    return network.eval()


@pytest.mark.parametrize(("num_classes", "size"), [(3, (4, 16, 32)), (5, (8, 32, 16))])
@torch.no_grad()
def test_a_published_checkpoint_gives_the_same_six_outputs(num_classes, size, path):
    original = published_network(num_classes)
    torch.save({"seg": original.state_dict()}, path)
    ours = DARUNet.from_published(path, num_classes=num_classes)
    x = torch.randn(1, 1, *size)
    heads, expected = ours(x), original(x)
    assert len(heads) == 6
    for head, reference in zip(heads, expected, strict=True):
        assert (head - reference).abs().max() <= 1e-4 * reference.abs().max()


def test_a_published_checkpoint_comes_ready_for_evaluation(published, path):
    torch.save({"seg": published.state_dict()}, path)
    assert not any(module.training for module in DARUNet.from_published(path, num_classes=5).modules())


def test_another_number_of_classes_is_refused_with_the_number_in_the_file(published, path):
    torch.save({"seg": published.state_dict()}, path)
    with pytest.raises(CheckpointError, match="holds 5 classes, not 3; give num_classes=5"):
        DARUNet.from_published(path, num_classes=3)


def test_the_first_missing_parameter_is_named(published, path):
    state = published.state_dict()
    del state["vam3.upsample.weight"], state["outconv.bias"]
    torch.save({"seg": state}, path)
    with pytest.raises(CheckpointError, match=r"another architecture .* it has no parameter vam3\.upsample\.weight;"):
        DARUNet.from_published(path, num_classes=5)


def test_an_unknown_parameter_is_named(published, path):
    torch.save({"seg": published.state_dict() | {"transformer.weight": torch.zeros(2)}}, path)
    with pytest.raises(CheckpointError, match=r"another architecture .* the unknown parameter transformer\.weight;"):
        DARUNet.from_published(path, num_classes=5)


def test_a_parameter_of_another_shape_is_named_with_both_shapes(published, path):
    state = published.state_dict() | {"L2_down.conv_skip.0.weight": torch.zeros(32, 16, 1, 1, 1)}
    torch.save({"seg": state}, path)
    shapes = r"L2_down\.conv_skip\.0\.weight has shape \(32, 16, 1, 1, 1\), not \(32, 16, 3, 3, 3\)"
    with pytest.raises(CheckpointError, match=shapes):
        DARUNet.from_published(path, num_classes=5)


@pytest.mark.parametrize("content", [{"dec": {}}, {"seg": torch.zeros(2)}, {"seg": {"epoch": 3}}, [1, 2]])
def test_a_file_without_the_segmenters_state_is_refused(content, path):
    torch.save(content, path)
    with pytest.raises(CheckpointError, match="does not hold a state_dict under the key 'seg'"):
        DARUNet.from_published(path, num_classes=5)


def test_a_text_file_is_refused(path):
    path.write_text("these are not weights\n")
    with pytest.raises(CheckpointError, match=r"best\.pt is damaged or was not written by torch\.save"):
        DARUNet.from_published(path, num_classes=5)
