"""The network that a task declares. Apart from the other modules of tasks, because it needs torch and MONAI."""

from __future__ import annotations

from typing import Any

from torch import nn

from crosslabel.networks import build_network, resolve_arguments
from crosslabel.tasks.spec import TaskSpec


def network_of(task: TaskSpec) -> nn.Module:
    """The task's network with fresh weights.

    Raises:
        TaskError: the network or one of its arguments is not known.
    """
    return build_network(task.network.name, task.network.arguments, **_facts(task))


def network_arguments(task: TaskSpec) -> dict[str, Any]:
    """All arguments of the task's network, given and derived.

    Raises:
        TaskError: the network or one of its arguments is not known.
    """
    return resolve_arguments(task.network.name, task.network.arguments, **_facts(task))


def _facts(task: TaskSpec) -> dict[str, Any]:
    """What follows for a network from the rest of the task."""
    return {
        "in_channels": task.channels,
        "out_channels": len(task.output_names),
        "spatial_dims": task.dimension,
        "spacing": task.spacing,
    }
