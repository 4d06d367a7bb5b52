"""A heat map over its image, as a picture."""

from __future__ import annotations

import numpy as np

_STRENGTH = 0.55


def overlay(image: np.ndarray, heatmap: np.ndarray) -> np.ndarray:
    """Colours over grey values.

    Args:
        image: (channels, \\*spatial); the first channel is shown, between its 1st and 99th percentile.
        heatmap: (\\*spatial), 0 to 1. Of a volume, the slice along its last axis with the most heat is shown.

    Returns:
        (rows, columns, 3), uint8; where there is no heat, the image's grey.
    """
    grey = image[0]
    if grey.ndim == 3:
        hottest = int(heatmap.sum(axis=(0, 1)).argmax())
        # Stored (i, j): shown with j downwards, as viewers do.
        grey, heatmap = grey[..., hottest].T, heatmap[..., hottest].T
    lower, upper = np.percentile(grey, [1, 99])
    grey = np.clip((grey - lower) / max(upper - lower, 1e-6), 0, 1)[..., None]
    # From blue over yellow to red, without a dependency on a plotting library.
    color = np.stack([np.clip(2 * heatmap, 0, 1), 1 - np.abs(2 * heatmap - 1), np.clip(1 - 2 * heatmap, 0, 1)], axis=-1)
    share = (_STRENGTH * np.clip(heatmap * 2, 0, 1))[..., None]
    return ((grey * (1 - share) + color * share) * 255).round().astype(np.uint8)
