"""Slicer's scene without Slicer: the MRML libraries with the few things that the application sets up."""

from __future__ import annotations

import types
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

slicer = pytest.importorskip("slicer", reason="slicer-core has no wheel for this machine, so MRML cannot be tested here")


@contextmanager
def mrml_scene() -> Iterator[object]:
    """``slicer.mrmlScene`` with its colours, volumes and segmentations, as in a Slicer that has just started."""
    scene = slicer.vtkMRMLScene()
    application = slicer.vtkSlicerApplicationLogic()
    application.SetMRMLScene(scene)
    color = _logic(slicer.vtkMRMLColorLogic(), application, scene)
    application.SetModuleLogic("Colors", color)
    application.SetColorLogic(color)
    volumes = _logic(slicer.vtkSlicerVolumesLogic(), application, scene)
    segmentations = _logic(slicer.vtkSlicerSegmentationsModuleLogic(), application, scene)
    modules = types.SimpleNamespace(
        volumes=types.SimpleNamespace(logic=lambda: volumes),
        segmentations=types.SimpleNamespace(logic=lambda: segmentations),
    )
    slicer.mrmlScene, slicer.modules = scene, modules
    try:
        yield scene
    finally:
        scene.Clear(1)
        del slicer.mrmlScene, slicer.modules


def _logic(logic, application, scene):
    logic.SetMRMLApplicationLogic(application)
    logic.SetMRMLScene(scene)
    return logic
