"""Networks with one output and networks with several heads, asked in the same way."""

from __future__ import annotations

from torch import Tensor, nn

from crosslabel.networks.dar_unet import DARUNet


def all_heads(network: nn.Module, images: Tensor) -> list[Tensor]:
    """Logits of every head, each (batch, outputs, ...), the main one first."""
    output = network(images)
    return [output] if isinstance(output, Tensor) else list(output)


def main_logits(network: nn.Module, images: Tensor) -> Tensor:
    """Logits of the main head only, (batch, outputs, ...), by the cheapest way the network has."""
    return network.predict_logits(images) if isinstance(network, DARUNet) else all_heads(network, images)[0]
