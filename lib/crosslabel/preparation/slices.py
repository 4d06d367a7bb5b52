"""Which slice of a stored volume a slice of the prepared one is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from crosslabel.preparation.preparation import Prepared


def stored_axis(prepared: Prepared, axis: int) -> int:
    """The axis of the stored volume that runs most nearly along an axis of the prepared one."""
    source = prepared.source
    direction = prepared.grid.affine[:3, axis]
    return max(range(3), key=lambda other: abs(source.affine[:3, other] @ direction) / source.spacing[other])


def stored_positions(prepared: Prepared, axis: int) -> np.ndarray:
    """Where the centres of the prepared slices lie along the stored axis, in stored slices; some may lie outside.

    Args:
        prepared: a volume.
        axis: of the prepared volume, along which it is taken apart.

    Returns:
        (slices,), rising or falling evenly.
    """
    grid, stored = prepared.grid, stored_axis(prepared, axis)
    centers = np.tile([(size - 1) / 2 for size in grid.shape], (grid.shape[axis], 1))
    centers[:, axis] = np.arange(grid.shape[axis])
    to_stored = np.linalg.inv(prepared.source.affine) @ grid.affine
    return centers @ to_stored[stored, :3] + to_stored[stored, 3]


def classes_of_slices(prepared: Prepared, axis: int, classes: Mapping[int, int]) -> dict[int, int]:
    """Classes given to slices along the last stored axis, as classes of the prepared slices.

    A prepared slice has the class of the stored slice next to it, and a stored slice that is next to none, because it is
    thinner, gives its class to the prepared slice next to it. Where two classes meet, the slice has none.

    Args:
        prepared: the volume.
        axis: along which the prepared volume is taken apart; nothing is found if the last stored axis runs another way.
        classes: index of the class by number of the stored slice.
    """
    if stored_axis(prepared, axis) != 2:
        return {}
    positions = stored_positions(prepared, axis)
    found: dict[int, set[int]] = defaultdict(set)
    for number, position in enumerate(positions):
        if round(position) in classes:
            found[number].add(classes[round(position)])
    step = abs(positions[1] - positions[0]) if len(positions) > 1 else np.inf
    for stored, class_index in classes.items():
        nearest = int(np.abs(positions - stored).argmin())
        if abs(positions[nearest] - stored) <= step / 2:
            found[nearest].add(class_index)
    return {number: seen.pop() for number, seen in sorted(found.items()) if len(seen) == 1}
