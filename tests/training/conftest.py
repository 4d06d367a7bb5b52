"""Pictures and weights that trainings of classifiers share."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import tiny
from crosslabel.networks.backbones import build_trunk


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Class folders of bright and dark pictures, 15 each."""
    return tiny.write_pictures(tmp_path_factory.mktemp("pictures"), 15)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file as torchvision's, of a whole backbone."""
    torch.manual_seed(5)
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    torch.save({**build_trunk("resnet18", 3).state_dict(), "fc.weight": torch.zeros(1000, 512)}, path)
    return path
