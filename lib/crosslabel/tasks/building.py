"""The network that a task declares. Apart from the other modules of tasks, because it needs torch and MONAI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from crosslabel.errors import TaskError
from crosslabel.networks import MINDInput, build_network, mind_channels, resolve_arguments
from crosslabel.networks.backbones import backbone_names
from crosslabel.tasks.classification_settings import FeaturesPolicy, TruncatedPolicy
from crosslabel.tasks.spec import TaskSpec


def network_of(task: TaskSpec, found: Mapping[str, Any] | None = None) -> nn.Module:
    """The task's network with fresh weights.

    Args:
        task: the task.
        found: arguments that training found out, such as where the backbone is cut; they come before the task's.

    Raises:
        TaskError: the network or one of its arguments is not known.
    """
    network = build_network(task.network.name, {**_given(task), **(found or {})}, **_facts(task))
    return MINDInput(network) if task.network.input == "mind" else network


def network_arguments(task: TaskSpec) -> dict[str, Any]:
    """All arguments of the task's network, given and derived.

    Raises:
        TaskError: the network or one of its arguments is not known.
    """
    return resolve_arguments(task.network.name, _given(task), **_facts(task))


def check_patch(network: nn.Module, task: TaskSpec) -> None:
    """Try a network on an empty image of the task's patch, on the network's device; it is left as it was.

    Raises:
        TaskError: the patch is too small for it, or of a size that it cannot take.
    """
    training, (weight, *_) = network.training, network.parameters()
    try:
        with torch.no_grad():
            network.eval()(torch.zeros(1, task.channels, *task.patch, device=weight.device))
    except (RuntimeError, ValueError) as error:
        size = " x ".join(map(str, task.patch))
        raise TaskError(
            f"patch: {task.network.name} cannot take images of {size}, which may be too small or not divide by its strides; "
            "give a larger patch, as 96 or 128 a side."
        ) from error
    finally:
        network.train(training)


def _given(task: TaskSpec) -> dict[str, Any]:
    """The task file's arguments, and what follows for them from its transfer policy.

    Raises:
        TaskError: the policy needs a backbone, and the network is none.
    """
    policy, is_backbone = task.transfer.policy, task.network.name in backbone_names()
    if isinstance(policy, TruncatedPolicy | FeaturesPolicy) and not is_backbone:
        raise TaskError(
            f"The policy '{policy.name}' is for backbones of torchvision and {task.network.name} is none; write for example "
            "'network: {name: torchvision.resnet18}'."
        )
    arguments = dict(task.network.arguments)
    if isinstance(policy, FeaturesPolicy) and policy.classifier != "logistic":
        arguments["head"] = policy.classifier
    return arguments


def _facts(task: TaskSpec) -> dict[str, Any]:
    """What follows for a network from the rest of the task."""
    seen = mind_channels(task.channels, task.dimension) if task.network.input == "mind" else task.channels
    return {
        "in_channels": seen,
        "out_channels": len(task.output_names),
        "spatial_dims": task.dimension,
        "spacing": task.spacing,
    }
