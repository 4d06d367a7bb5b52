"""A trained classifier as one compact file that needs PyTorch alone."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from crosslabel.errors import CheckpointError
from crosslabel.files import replacing
from crosslabel.inference.trust import Trust

_CLOSE = 1e-4


class Calibrated(nn.Module):
    """A network that answers calibrated probabilities.

    Args:
        network: gives logits.
        trust: makes probabilities of them.
    """

    def __init__(self, network: nn.Module, trust: Trust) -> None:
        super().__init__()
        self.network = network
        self.trust = trust

    def forward(self, images: Tensor) -> Tensor:
        """(batch, channels, \\*spatial), prepared -> probabilities (batch, classes)."""
        return self.trust.probabilities(self.network(images))


def export_torchscript(network: nn.Module, trust: Trust, shape: Sequence[int], path: Path) -> float:
    """Write a network as TorchScript and check that what is read back answers the same.

    Args:
        network: in evaluation mode, on the CPU.
        trust: makes probabilities of its logits.
        shape: (channels, \\*spatial) of a prepared image.
        path: file to write; it appears once it is checked.

    Returns:
        The largest difference of a probability on random images, of two batch sizes.

    Raises:
        CheckpointError: the exported network answers something else.
    """
    wrapped = Calibrated(network, trust).eval()
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(3, *shape, generator=generator)
    with warnings.catch_warnings(), torch.no_grad(), replacing(path) as temporary:
        # TorchScript is read by every PyTorch since 1.0 and by C++; its successor is not yet. What a trace may get wrong,
        # shapes that it takes for constants, is checked below with another batch size.
        warnings.simplefilter("ignore")
        torch.jit.trace(wrapped, images[:2], check_trace=False).save(str(temporary))
        read = torch.jit.load(str(temporary))
        difference = max(_difference(read(batch), wrapped(batch)) for batch in (images, images[:1]))
        if difference > _CLOSE:
            raise CheckpointError(f"The exported network differs by {difference:.2g} in a probability, so it was not written.")
    return difference


def _difference(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).abs().max()) if found.shape == expected.shape else float("inf")
