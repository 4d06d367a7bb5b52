"""Segmentations from label files and back, by the names of the segments and never by their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import slicer
import vtk

from CrossLabelLib.client.errors import ServerError
from CrossLabelLib.client.results import Label
from CrossLabelLib.facts import Facts, Overlap, SegmentFact
from CrossLabelLib.scene.files import array_of, read_quietly, write_labels
from CrossLabelLib.scene.geometry import Grid, between, grid_of, remembered, to_numpy, to_vtk

_BINARY = "Binary labelmap"


def load_labels(
    segmentation: slicer.vtkMRMLSegmentationNode,
    volume: slicer.vtkMRMLVolumeNode,
    path: Path,
    values: Mapping[str, int],
    labels: Sequence[Label],
) -> None:
    """Fill a segmentation from a label file; it then has a segment for each label, empty ones too.

    Args:
        segmentation: what it holds is replaced, once the file is known to fit.
        volume: the image; the labels follow it wherever it was moved since it was loaded.
        path: of the file.
        values: the value of the file's voxels by segment's name.
        labels: of the task, in its order.

    Raises:
        ServerError: the file cannot be read, lies elsewhere than the image, or holds a value that has no name.
    """
    labelmap = read_quietly(path, "vtkMRMLLabelMapVolumeNode")
    table = _color_table(values, labels)
    try:
        lay_over(labelmap, volume)
        _check_values(labelmap, values)
        labelmap.CreateDefaultDisplayNodes()
        labelmap.GetDisplayNode().SetAndObserveColorNodeID(table.GetID())
        new = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "CrossLabel import")
        new.SetHideFromEditors(True)
        # Segments are named and coloured by the table's entry for their value.
        logic = slicer.vtkSlicerSegmentationsModuleLogic
        if not logic.ImportLabelmapToSegmentationNode(labelmap, new):
            slicer.mrmlScene.RemoveNode(new)
            raise ServerError("The labels cannot be shown as segments; ask the server's administrator.", "bad answer")
        _take_over(segmentation, new, labels)
    finally:
        for node in (labelmap.GetDisplayNode(), labelmap, table):
            if node is not None:
                slicer.mrmlScene.RemoveNode(node)
    follow(segmentation, volume)


def follow(segmentation: slicer.vtkMRMLSegmentationNode, volume: slicer.vtkMRMLVolumeNode) -> None:
    """Have a segmentation drawn in a volume's voxels, and moved with it."""
    segmentation.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)


def add_empty(segmentation: slicer.vtkMRMLSegmentationNode, labels: Sequence[Label]) -> None:
    """Add a segment for each label that has none."""
    content = segmentation.GetSegmentation()
    present = set(names_of(segmentation))
    converter = slicer.vtkSegmentationConverter
    reference = slicer.vtkOrientedImageData()
    geometry = content.GetConversionParameter(converter.GetReferenceImageGeometryParameterName())
    known = bool(geometry) and converter.DeserializeImageGeometry(geometry, reference, False)
    for label in labels:
        if label.name in present:
            continue
        identifier = content.AddEmptySegment(content.GenerateUniqueSegmentID(label.name), label.name, rgb(label.color))
        empty = content.GetSegment(identifier).GetRepresentation(_BINARY)
        if known and empty is not None:
            # Voxels of 1 mm, which it has otherwise, would make a saved segmentation finer than what was drawn.
            empty.SetSpacing(reference.GetSpacing())
            empty.SetOrigin(reference.GetOrigin())
            empty.CopyDirections(reference)


def names_of(segmentation: slicer.vtkMRMLSegmentationNode) -> list[str]:
    """The segments' names in the order of the list."""
    content = segmentation.GetSegmentation()
    return [content.GetNthSegment(number).GetName() for number in range(content.GetNumberOfSegments())]


def export(
    segmentation: slicer.vtkMRMLSegmentationNode, volume: slicer.vtkMRMLVolumeNode, labels: Sequence[Label], path: Path
) -> None:
    """Write the segments that are labels of a task, in the grid that the image had when it was loaded.

    Where segments overlap, the later in the list has the voxel.

    Raises:
        ServerError: the image has other voxels now, is warped, or the file cannot be written.
    """
    kept = remembered(volume)
    ranks, _, names = _ranked(segmentation, volume, {label.name for label in labels})
    values = {label.name: label.value for label in labels}
    table = np.array([0, *(values[name] for name in names)])
    smallest = np.uint8 if table.max() < 2**8 else np.uint16 if table.max() < 2**16 else np.int32
    write_labels(table.astype(smallest)[ranks], kept, path)


def facts(segmentation: slicer.vtkMRMLSegmentationNode, volume: slicer.vtkMRMLVolumeNode) -> Facts:
    """Voxels of all segments in the image's grid."""
    _, counted, _ = _ranked(segmentation, volume, None)
    return counted


def _ranked(
    segmentation: slicer.vtkMRMLSegmentationNode, volume: slicer.vtkMRMLVolumeNode, wanted: set[str] | None
) -> tuple[np.ndarray, Facts, list[str]]:
    """For each voxel of the image (k, j, i) which of the wanted segments has it, counted from 1; 0 for none."""
    content = segmentation.GetSegmentation()
    if content.GetNumberOfSegments() and not content.CreateRepresentation(_BINARY):
        raise ServerError("The segmentation has no voxels that could be sent; draw it again.", "refused")
    present = grid_of(volume)
    matrix = between(volume, segmentation) @ present.matrix
    order = [content.GetNthSegmentID(number) for number in range(content.GetNumberOfSegments())]
    chosen = [name for name in order if wanted is None or content.GetSegment(name).GetName() in wanted]
    ranks = np.zeros(present.dimensions[::-1], np.uint16)
    inside, outside = np.zeros(len(chosen) + 1, int), np.zeros(len(chosen) + 1, int)
    common = np.zeros((len(chosen) + 1, len(chosen) + 1), int)
    for layer in range(content.GetNumberOfLayers(_BINARY)):
        data = content.GetLayerDataObject(layer, _BINARY)
        ids = [name for name in content.GetSegmentIDsForLayer(layer, _BINARY) if name in chosen]
        if not ids or data is None or not data.GetNumberOfPoints() or data.GetPointData().GetScalars() is None:
            continue
        own = array_of(data)
        table = np.zeros(max(int(own.max()), 0) + 1, np.uint16)
        for name in ids:
            value = content.GetSegment(name).GetLabelValue()
            if value < len(table):
                table[value] = chosen.index(name) + 1
        extent = _extent_in(data, matrix, present)
        outside += np.bincount(table[own].ravel(), minlength=len(chosen) + 1)
        if extent is None:
            continue
        found = table[array_of(_resampled(data, matrix, extent))]
        part = _part(ranks, extent)
        counts = np.bincount(found.ravel(), minlength=len(chosen) + 1)
        inside += counts
        outside -= counts
        both = (found > 0) & (part > 0)
        np.add.at(common, (part[both], found[both]), 1)
        np.maximum(part, found, out=part)
    names = [content.GetSegment(name).GetName() for name in chosen]
    return ranks, _facts(names, inside, outside, common), names


def _extent_in(data: slicer.vtkOrientedImageData, matrix: np.ndarray, grid: Grid) -> list[int] | None:
    """The first and last i, j and k of a grid that some data covers; None where they do not meet."""
    own = vtk.vtkMatrix4x4()
    data.GetImageToWorldMatrix(own)
    bounds = data.GetExtent()
    corners = np.array([[i, j, k, 1.0] for i in bounds[:2] for j in bounds[2:4] for k in bounds[4:]])
    reached = (np.linalg.solve(matrix, to_numpy(own)) @ corners.T)[:3]
    # Half a voxel around the outermost centres, and a little for rounding.
    low = np.maximum(np.floor(reached.min(axis=1) - 0.51), 0).astype(int)
    high = np.minimum(np.ceil(reached.max(axis=1) + 0.51), np.array(grid.dimensions) - 1).astype(int)
    if (low > high).any():
        return None
    return [int(value) for pair in zip(low, high) for value in pair]


def _part(array: np.ndarray, extent: Sequence[int]) -> np.ndarray:
    """The view of an array (k, j, i) that an extent names."""
    return array[extent[4] : extent[5] + 1, extent[2] : extent[3] + 1, extent[0] : extent[1] + 1]


def _resampled(data: slicer.vtkOrientedImageData, matrix: np.ndarray, extent: Sequence[int]) -> slicer.vtkOrientedImageData:
    reference, result = slicer.vtkOrientedImageData(), slicer.vtkOrientedImageData()
    reference.SetExtent(*extent)
    reference.SetGeometryFromImageToWorldMatrix(to_vtk(matrix))
    resample = slicer.vtkOrientedImageDataResample
    # Nearest voxel, no padding: the result has exactly the reference's extent.
    if not resample.ResampleOrientedImageToReferenceOrientedImage(data, reference, result, False, False):
        raise ServerError("The segmentation cannot be laid onto the image's voxels; load the case again.", "refused")
    return result


def _facts(names: list[str], inside: np.ndarray, outside: np.ndarray, common: np.ndarray) -> Facts:
    pairs = [(low, high) for low in range(1, len(names) + 1) for high in range(low + 1, len(names) + 1)]
    overlaps = [(low, high, int(common[low, high] + common[high, low])) for low, high in pairs]
    return Facts(
        tuple(SegmentFact(name, int(inside[at]), max(0, int(outside[at]))) for at, name in enumerate(names, start=1)),
        tuple(Overlap(names[low - 1], names[high - 1], voxels) for low, high, voxels in overlaps if voxels),
    )


def lay_over(labelmap: slicer.vtkMRMLVolumeNode, volume: slicer.vtkMRMLVolumeNode) -> None:
    """Put the voxels of a file that the server made of an image onto those of the image, wherever it is now."""
    kept, present = remembered(volume).grid, grid_of(volume)
    own = grid_of(labelmap)
    if own.onto(kept) is None:
        raise ServerError(
            f"The server's answer lies elsewhere than the image: it has {_size(own)} voxels and the image {_size(kept)}, or "
            "another place in space; ask its administrator.",
            "bad answer",
        )
    labelmap.SetIJKToRASMatrix(to_vtk(present.matrix @ np.linalg.solve(kept.matrix, own.matrix)))


def _size(grid: Grid) -> str:
    return "x".join(map(str, grid.dimensions))


def _check_values(labelmap: slicer.vtkMRMLVolumeNode, values: Mapping[str, int]) -> None:
    array = array_of(labelmap.GetImageData())
    if array.dtype.kind == "f" or array.min() < 0:
        raise ServerError("The server's labels are no whole numbers; ask its administrator.", "bad answer")
    unnamed = sorted({int(value) for value in np.flatnonzero(np.bincount(array.ravel()))} - {0, *values.values()})
    if unnamed:
        raise ServerError(f"The server's labels hold the value {unnamed[0]}, which it does not name.", "bad answer")


def _color_table(values: Mapping[str, int], labels: Sequence[Label]) -> slicer.vtkMRMLColorTableNode:
    colors = {label.name: label.color for label in labels}
    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLColorTableNode", "CrossLabel values")
    table.SetHideFromEditors(True)
    table.SetTypeToUser()
    table.SetNumberOfColors(max([0, *values.values()]) + 1)
    table.SetColor(0, "background", 0, 0, 0, 0)
    for name, value in values.items():
        table.SetColor(value, name, *rgb(colors.get(name, "")), 1.0)
    return table


def _take_over(
    segmentation: slicer.vtkMRMLSegmentationNode, new: slicer.vtkMRMLSegmentationNode, labels: Sequence[Label]
) -> None:
    """Replace one segmentation's segments by another's, in the task's order, and remove the other."""
    add_empty(new, labels)
    source, target = new.GetSegmentation(), segmentation.GetSegmentation()
    order = {label.name: number for number, label in enumerate(labels)}
    ids = [source.GetNthSegmentID(number) for number in range(source.GetNumberOfSegments())]
    ids.sort(key=lambda name: order.get(source.GetSegment(name).GetName(), len(order)))
    target.RemoveAllSegments()
    for name in ids:
        target.CopySegmentFromSegmentation(source, name, True)
    if new.GetDisplayNode() is not None:
        slicer.mrmlScene.RemoveNode(new.GetDisplayNode())
    slicer.mrmlScene.RemoveNode(new)


def rgb(color: str) -> tuple[float, float, float]:
    """Of ``#rrggbb``; grey where it is something else."""
    try:
        number = int(color[1:], 16) if len(color) == 7 and color[0] == "#" else 0x808080
    except ValueError:
        number = 0x808080
    return tuple((number >> shift & 255) / 255 for shift in (16, 8, 0))
