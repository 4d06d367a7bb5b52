"""Painting tissues and labels over one another."""

from __future__ import annotations

import numpy as np


class Canvas:
    """What each voxel is made of, and which organ it belongs to; later strokes cover earlier ones.

    Args:
        shape: shape of the grid.
        background: tissue of what is never painted.
    """

    def __init__(self, shape: tuple[int, ...], background: int) -> None:
        self.tissue = np.full(shape, background, np.uint8)
        self.label = np.zeros(shape, np.uint8)

    def paint(self, mask: np.ndarray, tissue: int, label: int = 0) -> None:
        """Makes the voxels of ``mask`` consist of ``tissue`` and belong to ``label``."""
        self.tissue[mask] = tissue
        self.label[mask] = label

    def inlay(self, mask: np.ndarray, tissue: int) -> None:
        """Changes the tissue only: a vessel or a lesion stays part of the organ around it."""
        self.tissue[mask] = tissue

    def is_any(self, *tissues: int) -> np.ndarray:
        """Mask of the voxels made of one of ``tissues``."""
        return np.isin(self.tissue, tissues)
