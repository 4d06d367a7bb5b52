"""What the module knows of the scene, kept in the scene itself so that a saved one comes back complete."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import slicer

MODULE = "CrossLabel"


def parameter_node() -> slicer.vtkMRMLScriptedModuleNode:
    """The module's parameter node; made where the scene has none."""
    node = slicer.mrmlScene.GetSingletonNode(MODULE, "vtkMRMLScriptedModuleNode")
    if node is None:
        node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLScriptedModuleNode")
        node.UnRegister(None)
        node.SetSingletonTag(MODULE)
        node.SetModuleName(MODULE)
        node.SetName(MODULE)
        node = slicer.mrmlScene.AddNode(node)
    return node


def get(name: str) -> Any:
    """A JSON value; None where it is not set or cannot be understood."""
    try:
        return json.loads(parameter_node().GetParameter(name) or "null")
    except ValueError:
        return None


def set(name: str, value: Any) -> None:
    parameter_node().SetParameter(name, json.dumps(value))


@dataclass(frozen=True)
class Held:
    """What the parameter node said.

    Attributes:
        nodes: by role.
        values: by name, as they are stored.
    """

    nodes: dict[str, list[Any]]
    values: dict[str, str]


def held(roles: Iterable[str]) -> Held:
    """What the parameter node says now; adding another scene may overwrite it."""
    ours = parameter_node()
    nodes = {role: [ours.GetNthNodeReference(role, n) for n in range(ours.GetNumberOfNodeReferences(role))] for role in roles}
    names = [name for name in ours.GetParameterNamesAsCommaSeparatedList().split(",") if name]
    return Held(nodes, {name: ours.GetParameter(name) for name in names})


def hold(before: Held) -> None:
    """Say again what was said before."""
    ours = parameter_node()
    for role, nodes in before.nodes.items():
        ours.RemoveNodeReferenceIDs(role)
        for kept in nodes:
            if kept is not None:
                ours.AddNodeReferenceID(role, kept.GetID())
    ours.UnsetAllParameters()
    for name, value in before.values.items():
        ours.SetParameter(name, value)


def node(role: str) -> Any:
    """The node in a role; None where there is none."""
    return parameter_node().GetNodeReference(role)


def set_node(role: str, value: Any) -> None:
    parameter_node().SetNodeReferenceID(role, None if value is None else value.GetID())
