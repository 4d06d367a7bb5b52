from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from crosslabel.errors import CheckpointError
from crosslabel.inference.trust import Trust
from crosslabel.networks import build_network
from crosslabel.transfer.export import export_torchscript
from waiting import PATIENCE

NETWORKS = [
    ("torchvision.resnet18", 2, {"cut": "layer1"}),
    ("torchvision.densenet121", 2, {"cut": "denseblock1.denselayer2"}),
    ("torchvision.resnet18", 3, {"cut": "layer1"}),
    ("resnet10", 3, {"widen_factor": 0.125}),
    ("torchvision.resnet18", 2, {"cut": "layer1", "head": "svm"}),
]


def network(name, dimension, arguments):
    torch.manual_seed(0)
    built = build_network(name, arguments, in_channels=1, out_channels=3, spatial_dims=dimension).eval()
    if arguments.get("head") == "svm":
        built.head.resize(20)
        built.head.examples.normal_()
        built.head.weights.normal_()
    return built


@pytest.mark.parametrize(("name", "dimension", "arguments"), NETWORKS)
def test_the_file_answers_as_the_network_does_in_a_process_without_the_project(name, dimension, arguments, tmp_path):
    built = network(name, dimension, arguments)
    shape = (1, *(32, 28, 8)[:dimension])
    assert export_torchscript(built, Trust(temperature=1.7), shape, tmp_path / "model.pt") < 1e-5
    images = torch.randn(5, *shape)
    with torch.no_grad():
        expected = (built(images) / 1.7).softmax(dim=1)
    torch.save(images, tmp_path / "images.pt")
    script = (
        "import torch, sys; network = torch.jit.load(sys.argv[1]); images = torch.load(sys.argv[2]); "
        "torch.save(network(images).detach(), sys.argv[3]); assert 'crosslabel' not in sys.modules"
    )
    files = [str(tmp_path / file) for file in ("model.pt", "images.pt", "found.pt")]
    subprocess.run([sys.executable, "-W", "ignore", "-c", script, *files], check=True, timeout=PATIENCE)
    torch.testing.assert_close(torch.load(tmp_path / "found.pt", weights_only=True), expected, rtol=1e-4, atol=1e-5)


class _Moody(torch.nn.Module):
    """Answers something else each time."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(()))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.scale * torch.randn(len(images), 2)


def test_a_file_that_answers_something_else_is_not_written(tmp_path):
    with pytest.raises(CheckpointError, match=r"differs by .* so it was not written"):
        export_torchscript(_Moody(), Trust(), (1, 8, 8), tmp_path / "model.pt")
    assert list(tmp_path.iterdir()) == []
