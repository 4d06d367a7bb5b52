"""Connected components of a predicted label."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy import ndimage


def largest_components(indices: np.ndarray, single: Iterable[int]) -> np.ndarray:
    """Voxels of structures in one piece that lie outside their largest component (faces, edges and corners connect).

    Args:
        indices: (\\*spatial) output-channel indices.
        single: indices of the structures of which there is one piece.

    Returns:
        (\\*spatial) booleans: what is to be taken away, or not to be believed.
    """
    stray = np.zeros(indices.shape, dtype=bool)
    for index in single:
        mask = indices == index
        if not mask.any():
            continue
        # Only the bounding box is searched: a small organ in a large volume then costs little.
        (box,) = ndimage.find_objects(mask.astype(np.uint8))
        pieces, count = ndimage.label(mask[box], structure=np.ones([3] * mask.ndim))
        if count > 1:
            largest = int(np.argmax(np.bincount(pieces.ravel())[1:])) + 1
            stray[box] |= (pieces != largest) & (pieces != 0)
    return stray
