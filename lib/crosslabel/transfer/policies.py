"""Which layers are fine-tuned, when, and how fast: one small class for each policy."""

from __future__ import annotations

from typing import Any

from torch import nn

from crosslabel.tasks import TaskSpec
from crosslabel.tasks.classification_settings import (
    DiscriminativePolicy,
    GradualPolicy,
    HeadPolicy,
    LastBlocksPolicy,
)
from crosslabel.transfer.blocks import blocks_of


class Policy:
    """Fine-tunes everything at one learning rate; subclasses say otherwise."""

    def trained_blocks(self, count: int, epoch: int) -> int:
        """How many of ``count`` blocks, counted from the head, are trained in an epoch."""
        return count

    def learning_rate(self, base: float, depth: int) -> float:
        """Learning rate of a block, ``depth`` blocks before the head."""
        return base

    def groups(self, network: nn.Module, base: float) -> list[dict[str, Any]]:
        """Parameter groups for an optimiser, from the first block to the head; each parameter once."""
        blocks = blocks_of(network)
        groups = [
            {
                "params": [parameter for module in block for parameter in module.parameters()],
                "lr": self.learning_rate(base, len(blocks) - 1 - index),
            }
            for index, block in enumerate(blocks)
        ]
        grouped = {id(parameter) for group in groups for parameter in group["params"]}
        rest = [parameter for parameter in network.parameters() if id(parameter) not in grouped]
        return [{"params": rest, "lr": base}, *groups] if rest else groups

    def apply(self, network: nn.Module, epoch: int) -> None:
        """Freeze what is not trained in an epoch; frozen blocks keep their running statistics, too."""
        blocks = blocks_of(network)
        first = len(blocks) - min(self.trained_blocks(len(blocks), epoch), len(blocks))
        for index, block in enumerate(blocks):
            for module in block:
                module.requires_grad_(index >= first)
                module.train(network.training and index >= first)


class HeadOnly(Policy):
    """The head alone."""

    def trained_blocks(self, count: int, epoch: int) -> int:
        return 1


class LastBlocks(Policy):
    """The head and the last blocks.

    Args:
        blocks: how many beside the head.
    """

    def __init__(self, blocks: int) -> None:
        self.blocks = blocks

    def trained_blocks(self, count: int, epoch: int) -> int:
        return 1 + self.blocks


class GradualUnfreezing(Policy):
    """The head first, then one block more every few epochs (Howard & Ruder, ACL 2018).

    Args:
        epochs_per_block: epochs before the next block is unfrozen.
    """

    def __init__(self, epochs_per_block: int) -> None:
        self.epochs_per_block = epochs_per_block

    def trained_blocks(self, count: int, epoch: int) -> int:
        return 1 + epoch // self.epochs_per_block


class Discriminative(Policy):
    """Everything, the more slowly the nearer to the image: ``base * decay ** depth`` (Howard & Ruder, ACL 2018).

    Args:
        decay: factor from a block to the one before it.
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay

    def learning_rate(self, base: float, depth: int) -> float:
        return base * self.decay**depth


def policy_of(task: TaskSpec) -> Policy:
    """The policy of a task's training by gradient; a cut backbone is trained as a whole, as TruncatedTL prescribes."""
    spec = task.transfer.policy
    if isinstance(spec, HeadPolicy):
        return HeadOnly()
    if isinstance(spec, LastBlocksPolicy):
        return LastBlocks(spec.blocks)
    if isinstance(spec, GradualPolicy):
        return GradualUnfreezing(spec.epochs_per_block)
    if isinstance(spec, DiscriminativePolicy):
        return Discriminative(spec.decay)
    return Policy()
