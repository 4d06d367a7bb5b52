"""One checkpoint file: weights with the description of the network they belong to and where they came from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from crosslabel.errors import CheckpointError
from crosslabel.files import replacing
from crosslabel.networks import read_weights_file
from crosslabel.tasks import TaskSpec
from crosslabel.tasks.building import network_arguments

_FORMAT = "crosslabel checkpoint 1"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Weights of a task's network.

    Attributes:
        state: parameters and buffers by name, float32.
        provenance: what they were learnt from and how: data, settings, metrics, code version; JSON values only.
        name: how results refer to it, e.g. ``abdomen_ct_mr v3``.
        extras: tensors beside the network, by name, such as features of training images to tell unlike ones.
    """

    state: dict[str, torch.Tensor]
    provenance: dict[str, Any]
    name: str
    extras: dict[str, torch.Tensor] = field(default_factory=dict)

    @property
    def found(self) -> dict[str, Any]:
        """Arguments of the network that training found out, such as where a backbone is cut."""
        return self.provenance.get("network_found", {})


def describe_network(task: TaskSpec) -> dict[str, Any]:
    """What has to be equal for weights to mean the same thing in a task: network, inputs, outputs and preparation."""
    return {
        "network": task.network.name + (f" on {task.network.input}" if task.network.input != "image" else ""),
        "channels": task.channels,
        "outputs": list(task.output_names),
        "orientation": task.orientation if task.dimension == 3 else None,
        "spacing": None if task.spacing is None else list(task.spacing),
        # A segmentation network is walked over images with any window; a classifier has learnt one size.
        "patch": list(task.patch) if task.kind == "classification" else None,
        # Completed, so that what was derived (the strides from the spacing) is written down too.
        "arguments": network_arguments(task),
    }


def save_checkpoint(
    path: Path,
    task: TaskSpec,
    state: dict[str, torch.Tensor],
    provenance: dict[str, Any],
    extras: Mapping[str, torch.Tensor] | None = None,
) -> None:
    """Write a checkpoint in one step: it is there whole, or not at all.

    Args:
        path: file to write or replace.
        task: the task that the weights belong to.
        state: parameters and buffers by name.
        provenance: JSON values only.
        extras: tensors beside the network, by name.
    """
    content = {
        "format": _FORMAT,
        "task": task.name,
        # JSON text, not Python objects: a checkpoint then holds nothing but tensors and strings.
        "description": json.dumps(describe_network(task)),
        "provenance": json.dumps(provenance),
        "state": _copied(state),
        "extras": _copied(extras or {}),
    }
    # Into an open file: given a path, torch does not say why it could not write.
    with replacing(path) as temporary, temporary.open("wb") as file:
        torch.save(content, file)


def load_checkpoint(path: Path, task: TaskSpec, name: str | None = None) -> Checkpoint:
    """Read a checkpoint of a task; only tensors and text are ever loaded from it, never code.

    Args:
        path: the file.
        task: what it has to fit.
        name: how results refer to it; the file's name if ``None``.

    Raises:
        CheckpointError: the file is missing, is no checkpoint of CrossLabel, or belongs to another network.
    """
    content = read_weights_file(path)
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise CheckpointError(
            f"{path.name} is no checkpoint of CrossLabel; train one with 'crosslabel train {task.name} --images DIR'."
        )
    description, expected = json.loads(content["description"]), json.loads(json.dumps(describe_network(task)))
    for fact, wanted in expected.items():
        if description.get(fact) != wanted:
            raise CheckpointError(
                f"{path.name} was trained with {fact} {description.get(fact)} and task {task.name} asks for {wanted}; "
                "train again, or set the task file back."
            )
    state = {key: value.float() if value.is_floating_point() else value for key, value in content["state"].items()}
    return Checkpoint(state, json.loads(content["provenance"]), name or path.stem, content.get("extras", {}))


def _copied(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}
