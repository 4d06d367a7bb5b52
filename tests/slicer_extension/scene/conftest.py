"""A case in Slicer's scene."""

from __future__ import annotations

import pytest

from scattered import labels_of, write


@pytest.fixture
def case(scene, tmp_path):
    """A scene with an oblique image, and the scattered label of the same voxels."""
    pytest.importorskip("slicer", reason="slicer-core has no wheel for this machine")
    from CrossLabelLib.scene.scene import Scene

    direction = [[0.8, -0.6, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, 1.0]]
    write(labels_of(99).astype("float32"), tmp_path / "image.nrrd", direction)
    write(labels_of(1), tmp_path / "label.nrrd", direction)
    found = Scene()
    found.load_image(tmp_path / "image.nrrd", "mr_1")
    return found
