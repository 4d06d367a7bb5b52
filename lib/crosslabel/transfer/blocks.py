"""The blocks of a classifier, from the image to the head, as policies see them."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from crosslabel.networks import BackboneClassifier
from crosslabel.networks.backbones import Trunk
from crosslabel.networks.penultimate import head_name

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)


def blocks_of(network: nn.Module) -> list[list[nn.Module]]:
    """Modules of each block that has parameters; the last block is the head (with the attention over slices).

    A backbone of torchvision is divided where its blocks end, the layers before the first block counting to it; another
    network into its top-level parts (those of the part before the head, where that is the only other one), the one with the
    last linear layer being the head. Parts without a convolution, such as norms, count to the one before.
    """
    if isinstance(network, BackboneClassifier):
        head = [network.head] if network.attention is None else [network.attention, network.head]
        return [*_trunk_blocks(network.trunk), head]
    last = head_name(network).partition(".")[0]
    body = [part for name, part in network.named_children() if name != last]
    if len(body) == 1:
        body = list(body[0].children()) or body
    return [*_joined(body), [network.get_submodule(last)]]


def _joined(parts: Sequence[nn.Module]) -> list[list[nn.Module]]:
    blocks: list[list[nn.Module]] = []
    for part in parts:
        if not any(True for _ in part.parameters()):
            continue
        if blocks and not any(isinstance(module, _CONVOLUTIONS) for module in part.modules()):
            blocks[-1].append(part)
        else:
            blocks.append([part])
    return blocks


def _trunk_blocks(trunk: Trunk) -> list[list[nn.Module]]:
    ends = {block.end for block in trunk.blocks}
    blocks: list[list[nn.Module]] = [[]]
    for name, module in trunk.named_children():
        blocks[-1].append(module)
        if name in ends:
            blocks.append([])
    return [block for block in blocks if any(True for module in block for _ in module.parameters())]
