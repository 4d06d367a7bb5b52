"""Slicer's scene for tests, which are skipped where slicer-core has no wheel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

slicer = pytest.importorskip("slicer", reason="slicer-core has no wheel for this machine, so MRML cannot be tested here")

from slicer_extension.offscreen.mrml import mrml_scene  # noqa: E402

from CrossLabelLib.scene import files, geometry  # noqa: E402

__all__ = ["draw", "mrml_scene"]


def draw(session: Any, name: str, mask: np.ndarray) -> None:
    """Put voxels (k, j, i) into a segment, as the segment editor does."""
    scene = session.scene
    segment_id = scene.segmentation.GetSegmentation().GetSegmentIdBySegmentName(name)
    drawn = slicer.vtkOrientedImageData()
    drawn.DeepCopy(files.image_of(mask.astype(np.uint8)))
    drawn.SetGeometryFromImageToWorldMatrix(geometry.to_vtk(geometry.grid_of(scene.image).matrix))
    slicer.vtkSlicerSegmentationsModuleLogic.SetBinaryLabelmapToSegment(drawn, scene.segmentation, segment_id)
