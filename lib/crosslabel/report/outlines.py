"""Outlines of structures over a slice, as a picture for a report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image as Picture
from PIL import ImageColor
from scipy import ndimage

_PIXELS = 320  # along the longer side; finer than it is shown, so that lines are thin
_DASH = 5


@dataclass(frozen=True, eq=False)
class Outline:
    """The border of a structure.

    Attributes:
        mask: (rows, columns), bool.
        color: as ``#ff0000``.
        dashed: every other piece of the line is left out.
    """

    mask: np.ndarray
    color: str
    dashed: bool = False


def outlined(grey: np.ndarray, outlines: Sequence[Outline]) -> np.ndarray:
    """Draw outlines over a slice, the later ones over the earlier ones.

    Args:
        grey: (rows, columns), 0 (black) to 1 (white).
        outlines: of masks of the same shape.

    Returns:
        (rows, columns, 3), uint8, enlarged by a whole number.
    """
    size = tuple(side * math.ceil(_PIXELS / max(grey.shape)) for side in reversed(grey.shape))
    drawn = np.repeat((_enlarged(grey, size).clip(0, 1) * 255).round().astype(np.uint8)[..., None], 3, axis=2)
    rows, columns = np.indices(drawn.shape[:2])
    pieces = (rows + columns) // _DASH % 2 == 0
    for outline in outlines:
        # Between voxels the border runs where half of the structure is left, as contour lines do.
        inside = _enlarged(outline.mask, size) > 0.5
        line = inside & ~ndimage.binary_erosion(inside, iterations=1 if outline.dashed else 2)
        drawn[line & pieces if outline.dashed else line] = ImageColor.getrgb(outline.color)[:3]
    return drawn


def _enlarged(plane: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    picture = Picture.fromarray(np.ascontiguousarray(plane, dtype=np.float32))
    return np.asarray(picture.resize((size[0], size[1]), Picture.Resampling.BILINEAR))
