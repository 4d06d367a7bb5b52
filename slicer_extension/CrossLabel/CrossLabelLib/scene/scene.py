"""The case in Slicer's scene: its image, its segmentation, a map over it, further images of the patient."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk

from CrossLabelLib.client.errors import ServerError
from CrossLabelLib.client.results import Label
from CrossLabelLib.facts import Facts
from CrossLabelLib.scene import files, geometry, overlays, parameters, segments

_IMAGE, _SEGMENTATION, _OVERLAY, _FURTHER = "Image", "Segmentation", "Overlay", "Further"
# Whether the image was in the scene before it became the case: then it is the person's, and stays when the case is left.
_ADOPTED = "Adopted"
_ROLES = (_IMAGE, _SEGMENTATION, _OVERLAY, _FURTHER)


class Scene:
    """Reads and writes ``slicer.mrmlScene``; call it on the main thread only.

    Which nodes belong to the case is kept in the module's parameter node, so a saved scene comes back complete.

    Args:
        on_edit: called after somebody changed the segmentation; not for what this class itself does.
    """

    def __init__(self, on_edit: Callable[[], None] | None = None) -> None:
        self.on_edit = on_edit
        self._observed: tuple[Any, list[int]] | None = None
        self._held: parameters.Held | None = None
        self._quiet = 0

    @property
    def image(self) -> slicer.vtkMRMLVolumeNode | None:
        return parameters.node(_IMAGE)

    @property
    def segmentation(self) -> slicer.vtkMRMLSegmentationNode | None:
        return parameters.node(_SEGMENTATION)

    @property
    def overlay(self) -> slicer.vtkMRMLScalarVolumeNode | None:
        return parameters.node(_OVERLAY)

    def get(self, name: str) -> Any:
        """A value that is kept in the scene, such as the case's id; None where there is none."""
        return parameters.get(name)

    def set(self, name: str, value: Any) -> None:
        parameters.set(name, value)

    def load_image(self, path: Path, name: str) -> None:
        """Replace the case by another one; raises ServerError and leaves the old one where the file cannot be read."""
        volume = files.load_volume(path, name)
        self.clear()
        self._use(volume)

    def adopt(self, volume: slicer.vtkMRMLVolumeNode) -> None:
        """Take a volume that is in the scene already, such as one from Slicer's DICOM database, as the case."""
        geometry.remember(volume)
        self.clear(keep=volume)
        self._use(volume)
        parameters.set(_ADOPTED, True)

    def load_further(self, path: Path, name: str) -> None:
        """Load another image of the patient beside the case's."""
        volume = files.load_volume(path, name)
        parameters.parameter_node().AddNodeReferenceID(_FURTHER, volume.GetID())

    def save_image(self, path: Path) -> None:
        """The image's file as a server that does not have it gets it."""
        files.write_volume(self._need_image(), path)

    def clear(self, keep: slicer.vtkMRMLVolumeNode | None = None) -> None:
        """Remove the case's nodes from the scene, but for ``keep`` and for a volume that was there before it was adopted."""
        node = parameters.parameter_node()
        further = [node.GetNthNodeReference(_FURTHER, number) for number in range(node.GetNumberOfNodeReferences(_FURTHER))]
        node.RemoveNodeReferenceIDs(_FURTHER)
        if self.overlay is not None:
            overlays.hide(self.overlay)
        self._remove_segmentation()
        adopted = self.image if parameters.get(_ADOPTED) else None
        for old in (self.overlay, self.image, *further):
            if old is not None and old is not adopted and old is not keep:
                _remove(old)
        parameters.set_node(_IMAGE, None)
        parameters.set(_ADOPTED, False)

    def disown(self) -> None:
        """Leave what a loaded scene says to be a case's, perhaps of another server, where it is, as nodes like others."""
        self._stop_observing()
        for role in (_IMAGE, _SEGMENTATION, _OVERLAY):
            parameters.set_node(role, None)
        parameters.parameter_node().RemoveNodeReferenceIDs(_FURTHER)
        parameters.set(_ADOPTED, False)

    def before_import(self) -> None:
        """Another scene is about to be added, which may say of its own nodes that they are the case."""
        self._held = parameters.held(_ROLES)

    def after_import(self) -> None:
        """The case in hand stays the one it was; what was added are nodes like others."""
        if self._held is not None:
            parameters.hold(self._held)
        self._held = None

    def show_labels(self, path: Path, values: Mapping[str, int], labels: Sequence[Label]) -> None:
        """Show a label file as segments; see :func:`segments.load_labels`."""
        first = self.segmentation is None
        with self._quietly():
            try:
                segments.load_labels(self._own_segmentation(), self._need_image(), path, values, labels)
            except ServerError:
                if first:
                    self._remove_segmentation()
                raise

    def start_empty(self, labels: Sequence[Label]) -> None:
        """Have an empty segment for each label that has none, to draw by hand."""
        with self._quietly():
            segmentation = self._own_segmentation()
            segments.follow(segmentation, self._need_image())
            segments.add_empty(segmentation, labels)

    def facts(self) -> Facts:
        """What is drawn, in voxels of the image."""
        with self._quietly():
            return segments.facts(self._need_segmentation(), self._need_image())

    def export(self, labels: Sequence[Label], path: Path) -> None:
        """Write the label file; see :func:`segments.export`."""
        with self._quietly():
            segments.export(self._need_segmentation(), self._need_image(), labels, path)

    def save_segmentation(self, path: Path) -> None:
        """All segments as they are, names, colours and overlaps included; ``path`` ends in .seg.nrrd."""
        storage = slicer.vtkMRMLSegmentationStorageNode()
        storage.SetFileName(str(path))
        # An autosave has to be quick, not small.
        storage.SetUseCompression(False)
        slicer.mrmlScene.AddNode(storage)
        try:
            # Writing joins layers that do not overlap, which changes the segmentation but nothing that is drawn.
            with self._quietly():
                written = storage.WriteData(self._need_segmentation())
        finally:
            slicer.mrmlScene.RemoveNode(storage)
        if not written:
            raise ServerError(f"The segmentation cannot be kept in {path.parent}; look whether the disk is full.", "refused")

    def restore_segmentation(self, path: Path) -> None:
        """Bring back what :meth:`save_segmentation` wrote."""
        storage = slicer.vtkMRMLSegmentationStorageNode()
        storage.SetFileName(str(path))
        slicer.mrmlScene.AddNode(storage)
        with self._quietly():
            segmentation = self._own_segmentation()
            readable = storage.ReadData(segmentation)
            slicer.mrmlScene.RemoveNode(storage)
            if not readable:
                raise ServerError(f"The kept segmentation {path.name} cannot be read.", "refused")
            segments.follow(segmentation, self._need_image())

    def show_map(self, path: Path, title: str, opacity: float, threshold: float) -> None:
        """Lay a map over the image in place of the one before."""
        overlay = overlays.load_map(path, self._need_image(), title)
        self.remove_map()
        parameters.set_node(_OVERLAY, overlay)
        overlays.style(overlay, opacity, threshold)

    def style_map(self, opacity: float, threshold: float) -> None:
        if self.overlay is not None:
            overlays.style(self.overlay, opacity, threshold)

    def remove_map(self) -> None:
        if self.overlay is not None:
            overlays.hide(self.overlay)
            _remove(self.overlay)

    def jump(self, axis: int, index: int) -> None:
        """Show a slice of the image's file in all views; ``axis`` 0 is i."""
        volume = self._need_image()
        kept, present = geometry.remembered(volume), geometry.grid_of(volume)
        point = np.array([*((size - 1) / 2 for size in kept.grid.dimensions), 1.0])
        point[axis] = index
        moved = present.matrix @ np.linalg.solve(kept.grid.matrix, kept.file_matrix @ point)
        matrix = vtk.vtkMatrix4x4()
        if volume.GetParentTransformNode() is not None:
            volume.GetParentTransformNode().GetMatrixTransformToWorld(matrix)
        place = geometry.to_numpy(matrix) @ moved
        slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *(float(value) for value in place[:3]))

    def resume(self) -> None:
        """Watch the segmentation that a loaded scene brought."""
        if self.segmentation is not None:
            self._observe(self.segmentation)

    def _use(self, volume: slicer.vtkMRMLVolumeNode) -> None:
        parameters.set_node(_IMAGE, volume)
        if hasattr(slicer, "app") and slicer.app.layoutManager() is not None:
            # With the views moved to the volume, which may lie elsewhere, and turned into its planes.
            slicer.util.setSliceViewerLayers(background=volume, fit=True, rotateToVolumePlane=True)
            return
        for composite in overlays.composites():
            composite.SetBackgroundVolumeID(volume.GetID())

    def _own_segmentation(self) -> slicer.vtkMRMLSegmentationNode:
        segmentation = self.segmentation
        if segmentation is None:
            name = f"{self._need_image().GetName()} segmentation"
            segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
            segmentation.CreateDefaultDisplayNodes()
            parameters.set_node(_SEGMENTATION, segmentation)
        self._observe(segmentation)
        return segmentation

    def _remove_segmentation(self) -> None:
        self._stop_observing()
        if self.segmentation is not None:
            _remove(self.segmentation)

    def _need_image(self) -> slicer.vtkMRMLVolumeNode:
        if self.image is None:
            raise ServerError("There is no image in the scene; open a case.", "refused")
        return self.image

    def _need_segmentation(self) -> slicer.vtkMRMLSegmentationNode:
        if self.segmentation is None:
            raise ServerError("There is no segmentation in the scene; ask for a proposal or draw one.", "refused")
        return self.segmentation

    def _observe(self, segmentation: slicer.vtkMRMLSegmentationNode) -> None:
        content = segmentation.GetSegmentation()
        if self._observed is not None and self._observed[0] is content:
            return
        self._stop_observing()
        kinds = slicer.vtkSegmentation
        events = (kinds.SourceRepresentationModified, kinds.SegmentAdded, kinds.SegmentRemoved, kinds.SegmentModified)
        self._observed = (content, [content.AddObserver(event, self._edited) for event in events])

    def _stop_observing(self) -> None:
        if self._observed is not None:
            for tag in self._observed[1]:
                self._observed[0].RemoveObserver(tag)
        self._observed = None

    def _edited(self, caller: Any, event: str) -> None:
        if not self._quiet and self.on_edit is not None:
            self.on_edit()

    def _quietly(self) -> _Quietly:
        return _Quietly(self)


def _remove(node: slicer.vtkMRMLDisplayableNode) -> None:
    """Remove a node with what only it uses."""
    own = [node.GetNthDisplayNode(number) for number in range(node.GetNumberOfDisplayNodes())]
    own.extend(node.GetNthStorageNode(number) for number in range(node.GetNumberOfStorageNodes()))
    slicer.mrmlScene.RemoveNode(node)
    for other in own:
        if other is not None:
            slicer.mrmlScene.RemoveNode(other)


class _Quietly:
    """While it is entered, changes are the module's own and nobody's edits."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def __enter__(self) -> None:
        self._scene._quiet += 1

    def __exit__(self, *error: object) -> None:
        self._scene._quiet -= 1
