"""A scene as in a Slicer that has just started: the MRML libraries with the few things that the application sets up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import slicer


@contextmanager
def mrml_scene() -> Iterator[Any]:
    """``slicer.mrmlScene`` and ``slicer.modules``, with colours, volumes and segmentations."""
    scene = slicer.vtkMRMLScene()
    application = slicer.vtkSlicerApplicationLogic()
    application.SetMRMLScene(scene)
    color = _logic(slicer.vtkMRMLColorLogic(), application, scene)
    application.SetModuleLogic("Colors", color)
    application.SetColorLogic(color)
    volumes = _logic(slicer.vtkSlicerVolumesLogic(), application, scene)
    segmentations = _logic(slicer.vtkSlicerSegmentationsModuleLogic(), application, scene)
    # Scenes are saved and loaded by way of a folder for remote files.
    cache, files = slicer.vtkCacheManager(), slicer.vtkDataIOManager()
    folder = TemporaryDirectory(prefix="slicer-cache-")
    cache.SetRemoteCacheDirectory(folder.name)
    files.SetCacheManager(cache)
    scene.SetCacheManager(cache)
    scene.SetDataIOManager(files)
    slicer.mrmlScene = scene
    slicer.modules = SimpleNamespace(
        volumes=SimpleNamespace(logic=lambda: volumes), segmentations=SimpleNamespace(logic=lambda: segmentations)
    )
    try:
        yield scene
    finally:
        scene.Clear(1)
        folder.cleanup()
        del slicer.mrmlScene, slicer.modules


def _logic(logic: Any, application: Any, scene: Any) -> Any:
    logic.SetMRMLApplicationLogic(application)
    logic.SetMRMLScene(scene)
    return logic
