from __future__ import annotations

import os

import pytest
import torch
import torchvision

from crosslabel.errors import CheckpointError, TaskError
from crosslabel.networks import build_network
from crosslabel.networks.pretrained import NoWeightsError, load_pretrained, torchvision_weights


def small(channels: int = 3, name: str = "torchvision.resnet18", dimension: int = 2, classes: int = 2, **arguments):
    arguments = {"cut": "layer1", **arguments} if name.startswith("torchvision") else arguments
    return build_network(name, arguments, in_channels=channels, out_channels=classes, spatial_dims=dimension).eval()


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A file as torchvision publishes it, of the whole ResNet-18 with its head for 1,000 classes."""
    torch.manual_seed(3)
    path = tmp_path_factory.mktemp("weights") / "resnet18-0123abcd.pth"
    model = torchvision.models.resnet18(weights=None)
    torch.save(model.state_dict(), path)
    return path


def test_torchvisions_file_fills_a_cut_backbone_and_leaves_the_head_fresh(published):
    network = small()
    head = network.head.weight.clone()
    fresh = load_pretrained(network, published)
    given = torch.load(published, weights_only=True)
    for name, value in network.trunk.state_dict().items():
        torch.testing.assert_close(value, given[name])
    torch.testing.assert_close(network.head.weight, head)
    assert fresh == ["head.weight", "head.bias"]


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_an_image_that_is_equal_in_all_channels_gives_the_response_of_the_published_filters(published, channels):
    network, reference = small(channels), small(3)
    load_pretrained(network, published)
    load_pretrained(reference, published)
    grey = torch.randn(1, 1, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(
            network.features(grey.expand(-1, channels, -1, -1)),
            reference.features(grey.expand(-1, 3, -1, -1)),
            rtol=1e-4,
            atol=1e-5,
        )


def test_the_first_mismatch_is_named_and_nothing_is_changed(tmp_path, published):
    given = torch.load(published, weights_only=True)
    given["layer1.0.conv2.weight"] = torch.zeros(64, 64, 5, 5)
    torch.save(given, tmp_path / "other.pth")
    network = small()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with pytest.raises(CheckpointError, match=r"'trunk.layer1.0.conv2.weight' is \(64, 64, 5, 5\) there and \(64, 64, 3"):
        load_pretrained(network, tmp_path / "other.pth")
    del given["layer1.0.conv2.weight"]
    torch.save(given, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match=r"'trunk.layer1.0.conv2.weight' is nothing there"):
        load_pretrained(network, tmp_path / "other.pth")
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, before[name])


class _Code:
    def __reduce__(self):
        return os.system, ("echo it ran",)


@pytest.mark.parametrize("arguments", [{"cut": None}, {"cut": "layer1"}])
def test_a_deeper_sibling_is_another_network(tmp_path, arguments):
    torch.save(torchvision.models.resnet34(weights=None).state_dict(), tmp_path / "resnet34.pth")
    with pytest.raises(CheckpointError, match=r"'trunk\.layer1\.2\.conv1\.weight' is \(64, 64, 3, 3\) there and nothing here"):
        load_pretrained(small(**arguments), tmp_path / "resnet34.pth")


def test_a_file_with_code_in_it_is_refused_and_not_run(tmp_path, capfd):
    torch.save({"conv1.weight": _Code()}, tmp_path / "evil.pth")
    with pytest.raises(CheckpointError, match="could run code, so it was not loaded"):
        load_pretrained(small(), tmp_path / "evil.pth")
    assert "it ran" not in capfd.readouterr().out


@pytest.mark.parametrize("content", [{}, [1, 2], {"epoch": 3}])
def test_a_file_without_weights_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "none.pth")
    with pytest.raises(CheckpointError, match="holds no weights by name"):
        load_pretrained(small(), tmp_path / "none.pth")


def test_weights_that_are_no_numbers_are_refused(tmp_path, published):
    given = torch.load(published, weights_only=True)
    given["bn1.weight"][3] = float("nan")
    torch.save(given, tmp_path / "nan.pth")
    network = small()
    before = network.trunk.bn1.weight.clone()
    with pytest.raises(CheckpointError, match=r"'trunk\.bn1\.weight' holds values that are no finite numbers"):
        load_pretrained(network, tmp_path / "nan.pth")
    torch.testing.assert_close(network.trunk.bn1.weight, before)


@pytest.mark.parametrize("wrapper", ["state_dict", "model_state_dict"])
def test_wrapped_weights_of_a_parallel_training_are_understood(tmp_path, published, wrapper):
    given = torch.load(published, weights_only=True)
    torch.save({wrapper: {f"module.{name}": value for name, value in given.items()}, "epoch": 3}, tmp_path / "w.pth")
    network = small()
    load_pretrained(network, tmp_path / "w.pth")
    torch.testing.assert_close(network.trunk.conv1.weight, given["conv1.weight"])


def test_densenets_old_names_are_understood(tmp_path):
    model = torchvision.models.densenet121(weights=None)
    old = {
        key.replace("norm1.", "norm.1.").replace("conv2.", "conv.2.") if "denselayer" in key else key: value
        for key, value in model.state_dict().items()
    }
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    torch.save(old, tmp_path / "densenet121-a639ec97.pth")
    network = small(name="torchvision.densenet121", cut="denseblock1.denselayer2")
    load_pretrained(network, tmp_path / "densenet121-a639ec97.pth")
    torch.testing.assert_close(
        network.trunk.denseblock1.denselayer2.conv2.weight, model.features.denseblock1.denselayer2.conv2.weight
    )


@pytest.mark.parametrize(
    ("from_head", "to_head"), [("linear", "linear"), ("linear", "svm"), ("linear", "knn"), ("svm", "linear")]
)
def test_a_checkpoint_of_other_classes_and_with_another_head_is_a_source_to_start_from(tmp_path, from_head, to_head):
    source, target = small(1, classes=5, head=from_head), small(1, classes=2, head=to_head)
    torch.save({"format": "crosslabel checkpoint 1", "state": source.state_dict()}, tmp_path / "weights.pt")
    load_pretrained(target, tmp_path / "weights.pt")
    torch.testing.assert_close(target.trunk.state_dict(), source.trunk.state_dict())


def test_a_network_of_monai_takes_all_but_its_head(tmp_path):
    one, other = (small(1, "resnet10", 3, classes, widen_factor=0.125) for classes in (3, 2))
    torch.save(one.state_dict(), tmp_path / "w.pt")
    assert load_pretrained(other, tmp_path / "w.pt") == ["fc.weight", "fc.bias"]
    torch.testing.assert_close(other.conv1.weight, one.conv1.weight)


def test_torchvisions_cache_is_used_without_a_network(tmp_path, monkeypatch, published):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    url = torchvision.models.ResNet18_Weights.IMAGENET1K_V1.url
    cached = tmp_path / "checkpoints" / url.rsplit("/", 1)[-1]
    cached.write_bytes(published.read_bytes())
    assert torchvision_weights("resnet18", "IMAGENET1K_V1") == cached


def test_weights_that_are_not_to_be_had_are_named_with_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    enum = torchvision.models.ResNet18_Weights.IMAGENET1K_V1
    # An address that nobody answers at, so that the test needs no network.
    monkeypatch.setattr(
        enum, "_value_", type(enum.value)(url="http://127.0.0.1:9/resnet18-f37072fd.pth", transforms=None, meta={})
    )
    with pytest.raises(NoWeightsError, match=r"not in torchvision's cache .*put the file there, or give one with --weights"):
        torchvision_weights("resnet18", "IMAGENET1K_V1")
    assert not list((tmp_path / "checkpoints").glob("*.pth"))
    with pytest.raises(TaskError, match="has no weights 'V9'; torchvision knows IMAGENET1K_V1"):
        torchvision_weights("resnet18", "V9")
