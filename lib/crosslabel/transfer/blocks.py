"""The blocks of a classifier, from the image to the head, as policies see them."""

from __future__ import annotations

from torch import nn

from crosslabel.networks import BackboneClassifier
from crosslabel.networks.backbones import Trunk
from crosslabel.networks.penultimate import head_name


def blocks_of(network: nn.Module) -> list[list[nn.Module]]:
    """Modules of each block that has parameters; the last block is the head (with the attention over slices).

    A backbone of torchvision is divided where its blocks end, the layers before the first block counting to it; another
    network into its top-level parts, the one with the last linear layer being the head.
    """
    if isinstance(network, BackboneClassifier):
        head = [network.head] if network.attention is None else [network.attention, network.head]
        return [*_trunk_blocks(network.trunk), head]
    last = head_name(network).partition(".")[0]
    parts = [(name, part) for name, part in network.named_children() if any(True for _ in part.parameters())]
    return [[part] for name, part in parts if name != last] + [[part] for name, part in parts if name == last]


def _trunk_blocks(trunk: Trunk) -> list[list[nn.Module]]:
    ends = {block.end for block in trunk.blocks}
    blocks: list[list[nn.Module]] = [[]]
    for name, module in trunk.named_children():
        blocks[-1].append(module)
        if name in ends:
            blocks.append([])
    return [block for block in blocks if any(True for module in block for _ in module.parameters())]
