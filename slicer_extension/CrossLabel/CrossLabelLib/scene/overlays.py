"""Float maps laid over the image: where a model looked, and how sure it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import slicer

from CrossLabelLib.client.errors import ServerError
from CrossLabelLib.scene.files import array_of, read_quietly
from CrossLabelLib.scene.segments import lay_over

_TABLE = "CrossLabel heat"
# From dark to bright, so that it reads the same in grey (black body).
_STOPS = ((0.0, (0, 0, 0)), (0.4, (0.7, 0.05, 0.02)), (0.75, (1.0, 0.6, 0.0)), (1.0, (1.0, 1.0, 0.8)))
_COLORS = 256


def load_map(path: Path, volume: slicer.vtkMRMLVolumeNode, title: str) -> slicer.vtkMRMLScalarVolumeNode:
    """A map in the image's voxels, moved with the image.

    Raises:
        ServerError: it cannot be read, lies elsewhere than the image, or holds no finite number.
    """
    overlay = read_quietly(path, "vtkMRMLScalarVolumeNode")
    try:
        lay_over(overlay, volume)
        if not np.isfinite(array_of(overlay.GetImageData())).all():
            raise ServerError("The server's map holds numbers that are not finite; ask its administrator.", "bad answer")
    except ServerError:
        slicer.mrmlScene.RemoveNode(overlay)
        raise
    overlay.SetName(title)
    overlay.SetHideFromEditors(False)
    overlay.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
    overlay.CreateDefaultDisplayNodes()
    low, high = overlay.GetImageData().GetScalarRange()
    display = overlay.GetDisplayNode()
    display.SetAndObserveColorNodeID(_color_table().GetID())
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(low, high if high > low else low + 1)
    display.SetInterpolate(True)
    return overlay


def style(overlay: slicer.vtkMRMLScalarVolumeNode, opacity: float, threshold: float) -> None:
    """Show a map in all slice views.

    Args:
        overlay: the map.
        opacity: from 0, not seen, to 1.
        threshold: what is below this share of the map's range is not shown.
    """
    low, high = overlay.GetImageData().GetScalarRange()
    display = overlay.GetDisplayNode()
    display.SetAutoThreshold(False)
    display.SetThreshold(low + threshold * (high - low), max(high, low))
    display.SetApplyThreshold(threshold > 0)
    for composite in composites():
        composite.SetForegroundVolumeID(overlay.GetID())
        composite.SetForegroundOpacity(opacity)


def hide(overlay: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Take a map out of the slice views."""
    for composite in composites():
        if composite.GetForegroundVolumeID() == overlay.GetID():
            composite.SetForegroundVolumeID(None)
            composite.SetForegroundOpacity(0)


def composites() -> list[slicer.vtkMRMLSliceCompositeNode]:
    """What the slice views show, one for each."""
    nodes = slicer.mrmlScene.GetNodesByClass("vtkMRMLSliceCompositeNode")
    # GetNodesByClass hands over a reference that Python would otherwise keep for ever.
    nodes.UnRegister(None)
    return [nodes.GetItemAsObject(number) for number in range(nodes.GetNumberOfItems())]


def _color_table() -> slicer.vtkMRMLColorTableNode:
    table = slicer.mrmlScene.GetFirstNodeByName(_TABLE)
    if table is not None:
        return table
    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLColorTableNode", _TABLE)
    table.SetHideFromEditors(True)
    table.SetTypeToUser()
    table.SetNumberOfColors(_COLORS)
    places = np.array([place for place, _ in _STOPS])
    stops = np.array([color for _, color in _STOPS])
    for number, share in enumerate(np.linspace(0, 1, _COLORS)):
        red, green, blue = (float(np.interp(share, places, stops[:, channel])) for channel in range(3))
        table.SetColor(number, f"{share:.2f}", red, green, blue, 1.0)
    return table
