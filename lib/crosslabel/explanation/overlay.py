"""A heat map over its image, as a picture."""

from __future__ import annotations

import nibabel as nib
import numpy as np

from crosslabel.images import Image, as_viewed, fullest, windowed

_STRENGTH = 0.55


def overlay(image: Image, heatmap: np.ndarray) -> np.ndarray:
    """Colours over grey values.

    Args:
        image: whose first channel is shown, between its 1st and 99th percentile.
        heatmap: (\\*spatial), 0 to 1. Of a volume, the slice along its last axis with the most heat is shown, as viewers do.

    Returns:
        (rows, columns, 3), uint8; where there is no heat, the image's grey.
    """
    grey = image.array[0]
    if grey.ndim == 3:
        hottest = fullest(heatmap)
        directions = "".join(nib.aff2axcodes(image.grid.affine)[:2])
        grey, heatmap = (as_viewed(array[..., hottest], directions) for array in (grey, heatmap))
    grey = windowed(grey)[..., None]
    # From blue over yellow to red, without a dependency on a plotting library.
    color = np.stack([np.clip(2 * heatmap, 0, 1), 1 - np.abs(2 * heatmap - 1), np.clip(1 - 2 * heatmap, 0, 1)], axis=-1)
    share = (_STRENGTH * np.clip(heatmap * 2, 0, 1))[..., None]
    return ((grey * (1 - share) + color * share) * 255).round().astype(np.uint8)
