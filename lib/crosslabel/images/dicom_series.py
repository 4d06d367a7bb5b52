"""From the headers of DICOM files to one evenly spaced stack of slices, or one 2-D image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crosslabel.errors import ImageError
from crosslabel.images.dicom_header import Instance, Plane
from crosslabel.images.header import Header, checked_grid, in_picture_order
from crosslabel.images.itk import LPS_TO_RAS

_SAME_DIRECTION = 1e-3
# Slices may stray from even spacing by this share of it; a missing slice strays by half of it or more.
_UNEVENNESS = 0.1
_SAME_POSITION_MM = 1e-3


@dataclass(frozen=True, eq=False)
class Series:
    """One image: its header as read, before pictures are turned, and which frames make it up.

    Args:
        stored: header with axes (columns, rows[, slices]).
        files: numbers of the files, in the order of ``frames`` where each holds one frame.
        frames: order of the frames along the slice axis, for a file of several frames.
    """

    stored: Header
    files: tuple[int, ...]
    frames: tuple[int, ...]

    @property
    def header(self) -> Header:
        """The header of the array as CrossLabel gives it."""
        return in_picture_order(self.stored)


def series_of(instances: Sequence[Instance], name: str) -> Series:
    """The one series that the files hold.

    Raises:
        ImageError: no image, several series, or frames that are not one evenly spaced stack; names the path
            ``name``.
    """
    if not instances:
        raise ImageError(f"'{name}' holds no DICOM image that can be read: give the files of one series.")
    _check_one_series(instances, name)
    first = instances[0]
    if all(instance.planes for instance in instances):
        return _stack(instances, name)
    if len(instances) > 1 or first.frames > 1:
        count = sum(instance.frames for instance in instances)
        raise ImageError(f"'{name}' holds {count} DICOM images without a position in space: give one image at a time.")
    rows_step, columns_step = first.pixel_spacing
    affine = LPS_TO_RAS @ np.diag([columns_step, rows_step, 1.0, 1.0])
    header = Header(checked_grid((first.columns, first.rows), affine, name), tags=first.tags)
    return Series(header, (first.index,), (0,))


def _check_one_series(instances: Sequence[Instance], name: str) -> None:
    series: dict[str, list[Instance]] = {}
    for instance in instances:
        series.setdefault(instance.series, []).append(instance)
    if len(series) > 1:
        found = ", ".join(
            f"'{members[0].tags['SeriesDescription'] or 'no description'}' (files: {len(members)})"
            for members in series.values()
        )
        raise ImageError(f"'{name}' holds {len(series)} DICOM series: {found}; give each its own folder or zip.")


def _stack(instances: Sequence[Instance], name: str) -> Series:
    if len(instances) > 1 and any(instance.frames > 1 for instance in instances):
        raise ImageError(f"'{name}' holds several multi-frame DICOM files: give one of them at a time.")
    members = [(plane, instance, frame) for instance in instances for frame, plane in enumerate(instance.planes)]
    reference = members[0][0]
    size = (instances[0].columns, instances[0].rows)
    if not all((i.columns, i.rows) == size and _parallel(plane, reference) for plane, i, _ in members):
        raise ImageError(f"'{name}' mixes slices of different size or direction (a localiser?): keep one stack only.")
    normal = np.cross(reference.columns_direction, reference.rows_direction)
    members.sort(key=lambda member: float(member[0].position @ normal))
    positions = np.array([plane.position for plane, _, _ in members])
    step = _slice_step(positions, normal, reference.thickness, name)
    lps = np.eye(4)
    lps[:3, 0] = reference.columns_direction * reference.spacing[1]
    lps[:3, 1] = reference.rows_direction * reference.spacing[0]
    lps[:3, 2] = step
    lps[:3, 3] = positions[0]
    grid = checked_grid((*size, len(members)), LPS_TO_RAS @ lps, name)
    return Series(
        Header(grid, tags=instances[0].tags),
        tuple(dict.fromkeys(instance.index for _, instance, _ in members)),
        tuple(frame for _, _, frame in members),
    )


def _parallel(plane: Plane, reference: Plane) -> bool:
    return (
        np.allclose(plane.columns_direction, reference.columns_direction, atol=_SAME_DIRECTION)
        and np.allclose(plane.rows_direction, reference.rows_direction, atol=_SAME_DIRECTION)
        and np.allclose(plane.spacing, reference.spacing, rtol=_SAME_DIRECTION)
    )


def _slice_step(positions: np.ndarray, normal: np.ndarray, thickness: float, name: str) -> np.ndarray:
    """(3,) from one slice to the next, mm; the slices of a tilted gantry shift sideways and stay sheared."""
    if len(positions) == 1:
        return normal * (thickness if thickness > 0 else 1.0)
    gaps = np.diff(positions @ normal)
    if gaps.min() < _SAME_POSITION_MM:
        raise ImageError(f"'{name}' has several DICOM images at one position (times, echoes): give one volume at a time.")
    step = (positions[-1] - positions[0]) / (len(positions) - 1)
    even = positions[0] + np.arange(len(positions))[:, np.newaxis] * step
    if np.linalg.norm(positions - even, axis=1).max() > _UNEVENNESS * (step @ normal):
        raise ImageError(
            f"'{name}' has slices missing or unevenly spaced (gaps {gaps.min():.2f} to {gaps.max():.2f} mm): "
            "export the whole series again."
        )
    return step
