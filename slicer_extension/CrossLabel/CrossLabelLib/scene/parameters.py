"""What the module knows of the scene, kept in the scene itself so that a saved one comes back complete."""

from __future__ import annotations

import json
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


def node(role: str) -> Any:
    """The node in a role; None where there is none."""
    return parameter_node().GetNodeReference(role)


def set_node(role: str, value: Any) -> None:
    parameter_node().SetNodeReferenceID(role, None if value is None else value.GetID())
