"""Volumes from files, without asking, and files from volumes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import slicer
import vtk
from vtk.util import numpy_support

from CrossLabelLib.client.errors import ServerError
from CrossLabelLib.scene.geometry import Kept, remember, to_vtk
from CrossLabelLib.scene.headers import is_left_handed

_PICTURES = {".png": "vtkPNGReader", ".jpg": "vtkJPEGReader", ".jpeg": "vtkJPEGReader"}
# Bits of vtkSlicerVolumesLogic: without the second, neighbours with similar names would be stacked into the volume.
_SINGLE_FILE, _AUTO_WINDOW = 4, 8
_FASTEST = "gzip_fastest"


def load_volume(path: Path, name: str) -> slicer.vtkMRMLVolumeNode:
    """An image of the server: NIfTI, NRRD, MetaImage, a picture, or a folder with a DICOM series; its grid is remembered.

    Raises:
        ServerError: it cannot be read.
    """
    if path.suffix.lower() in _PICTURES:
        volume = _load_picture(path, name)
    elif path.is_dir():
        # The reader finds the other slices of the first one's series, and sorts them by place.
        volume = _load_archetype(min(path.iterdir()), name, _AUTO_WINDOW)
    else:
        volume = _load_archetype(path, name, _SINGLE_FILE | _AUTO_WINDOW)
    remember(volume, flipped=is_left_handed(path))
    _detach(volume)
    return volume


def _detach(volume: slicer.vtkMRMLVolumeNode) -> None:
    """Forget the file, which is temporary: a saved scene then gets a copy of the image instead of a dead link."""
    storage = volume.GetStorageNode()
    if storage is not None:
        volume.SetAndObserveStorageNodeID(None)
        slicer.mrmlScene.RemoveNode(storage)


def _load_archetype(path: Path, name: str, options: int) -> slicer.vtkMRMLVolumeNode:
    volume = slicer.modules.volumes.logic().AddArchetypeVolume(str(path), name, options)
    if volume is None or volume.GetImageData() is None:
        raise ServerError(f"The file {path.name} cannot be read as an image; ask the server's administrator.", "bad answer")
    return volume


def _load_picture(path: Path, name: str) -> slicer.vtkMRMLVolumeNode:
    """A picture where ITK puts it: pixel (row, column) at LPS (column, row, 0)."""
    reader = getattr(vtk, _PICTURES[path.suffix.lower()])()
    if not reader.CanReadFile(str(path)):
        raise ServerError(f"The file {path.name} is no picture.", "bad answer")
    reader.SetFileName(str(path))
    flip = vtk.vtkImageFlip()
    # VTK counts rows from below.
    flip.SetFilteredAxis(1)
    flip.SetInputConnection(reader.GetOutputPort())
    flip.Update()
    image = vtk.vtkImageData()
    image.DeepCopy(flip.GetOutput())
    image.SetOrigin(0, 0, 0)
    image.SetSpacing(1, 1, 1)
    scalar = image.GetNumberOfScalarComponents() == 1
    node_class = "vtkMRMLScalarVolumeNode" if scalar else "vtkMRMLVectorVolumeNode"
    volume = slicer.mrmlScene.AddNewNodeByClass(node_class, name)
    volume.SetIJKToRASMatrix(to_vtk(np.diag([-1.0, -1.0, 1.0, 1.0])))
    volume.SetAndObserveImageData(image)
    volume.CreateDefaultDisplayNodes()
    return volume


def read_quietly(path: Path, node_class: str) -> slicer.vtkMRMLVolumeNode:
    """A volume that is only looked at: it is in the scene until the caller removes it.

    Raises:
        ServerError: it cannot be read.
    """
    volume = slicer.mrmlScene.AddNewNodeByClass(node_class, path.stem)
    volume.SetHideFromEditors(True)
    storage = slicer.vtkMRMLVolumeArchetypeStorageNode()
    storage.SetSingleFile(True)
    storage.SetFileName(str(path))
    # A reader's own complaint would be shown beside ours.
    shown = vtk.vtkObject.GetGlobalWarningDisplay()
    vtk.vtkObject.SetGlobalWarningDisplay(False)
    try:
        slicer.mrmlScene.AddNode(storage)
        readable = storage.ReadData(volume) and volume.GetImageData() is not None
    finally:
        vtk.vtkObject.SetGlobalWarningDisplay(shown)
        slicer.mrmlScene.RemoveNode(storage)
    if not readable:
        slicer.mrmlScene.RemoveNode(volume)
        raise ServerError("The server's answer cannot be read as an image; ask its administrator.", "bad answer")
    return volume


def array_of(image: vtk.vtkImageData) -> np.ndarray:
    """Voxels as (k, j, i), without a copy."""
    return numpy_support.vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])


def image_of(array: np.ndarray) -> vtk.vtkImageData:
    """The image of voxels (k, j, i), a copy."""
    image = vtk.vtkImageData()
    image.SetDimensions(*array.shape[::-1])
    image.GetPointData().SetScalars(numpy_support.numpy_to_vtk(np.ascontiguousarray(array).ravel(), deep=True))
    return image


def write_labels(array: np.ndarray, kept: Kept, path: Path) -> None:
    """Label values (k, j, i) of an image in the scene, as a file in the grid of the image's file.

    Args:
        array: values.
        kept: the image's grid.
        path: to be written; its suffix says the format.

    Raises:
        ServerError: it cannot be written.
    """
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "CrossLabel export")
    volume.SetHideFromEditors(True)
    try:
        volume.SetIJKToRASMatrix(to_vtk(kept.file_matrix))
        volume.SetAndObserveImageData(image_of(array[::-1] if kept.flipped else array))
        write_volume(volume, path)
    finally:
        slicer.mrmlScene.RemoveNode(volume)


def write_volume(volume: slicer.vtkMRMLVolumeNode, path: Path) -> None:
    """A volume's voxels and its grid, without the transform that it may be under."""
    storage = slicer.vtkMRMLVolumeArchetypeStorageNode()
    storage.SetFileName(str(path))
    storage.SetUseCompression(True)
    storage.SetCompressionParameter(_FASTEST)
    slicer.mrmlScene.AddNode(storage)
    try:
        written = storage.WriteData(volume)
    finally:
        slicer.mrmlScene.RemoveNode(storage)
    if not written:
        raise ServerError(f"The file {path} cannot be written; look whether the disk is full.", "refused")
