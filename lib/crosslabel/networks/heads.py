"""Networks with one output and networks with several heads, asked in the same way."""

from __future__ import annotations

from torch import Tensor, nn

from crosslabel.networks.dar_unet import DARUNet
from crosslabel.networks.mind import MINDInput


def all_heads(network: nn.Module, images: Tensor) -> list[Tensor]:
    """Logits of every head, each (batch, outputs, ...), the main one first."""
    output = network(images)
    if isinstance(output, Tensor):
        # MONAI's DynUNet stacks the heads of deep supervision along an axis of their own, after the batch.
        return list(output.unbind(1)) if output.ndim == images.ndim + 1 else [output]
    return list(output)


def main_logits(network: nn.Module, images: Tensor) -> Tensor:
    """Logits of the main head only, (batch, outputs, ...), by the cheapest way the network has."""
    if isinstance(network, MINDInput):
        return main_logits(network.network, network.features(images))
    return network.predict_logits(images) if isinstance(network, DARUNet) else all_heads(network, images)[0]
