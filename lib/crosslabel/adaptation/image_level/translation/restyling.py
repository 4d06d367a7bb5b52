"""Whole volumes in the look of a style, and a check that their slices fit together."""

from __future__ import annotations

import torch
from torch import Tensor

from crosslabel.networks import Translator

# Beyond this, tissue changes visibly from slice to slice; see :func:`through_plane_jump`.
MOST_JUMP = 2.0

_BATCH = 8
# Neighbours that differ by less than this part of the range show the same tissue.
_EVEN = 0.03


@torch.inference_mode()
def restyle(translator: Translator, slices: Tensor, code: Tensor, device: torch.device) -> Tensor:
    """Translate a volume slice by slice with one style code, so that no two slices differ in style.

    Args:
        translator: in evaluation mode, on the device.
        slices: (slices, channels, H, W) in [-1, 1].
        code: (1, style_size).
        device: where the translator is.

    Returns:
        (slices, channels, H, W) in [-1, 1], on the CPU.
    """
    made = [
        translator.translate(batch.to(device), code.to(device).expand(len(batch), -1)).float().cpu()
        for batch in slices.split(_BATCH)
    ]
    return torch.cat(made)


def through_plane_jump(source: Tensor, made: Tensor) -> float:
    """How much a restyled volume changes from slice to slice where the source does not, compared with from pixel to pixel.

    Slices are translated one by one, so a network may render the same tissue differently in two neighbouring slices. The
    mean absolute difference of voxels that are neighbours through the plane is divided by that of neighbours within it, over
    pairs of source voxels that are equal to within 3 % of the range. 1 means that slices fit together as pixels do.

    Args:
        source: (slices, channels, H, W) in [-1, 1].
        made: the same, restyled.

    Returns:
        The ratio; 1 for a single slice, or where there is nothing to compare.
    """
    through, across = _difference_where_even(source, made, 0), _difference_where_even(source, made, 3)
    if through is None or not across:
        return 1.0
    return through / across


def _difference_where_even(source: Tensor, made: Tensor, axis: int) -> float | None:
    steps = source.diff(dim=axis).abs()
    # Air is even everywhere and says nothing; what shows something is not at the very bottom of the range.
    shown = source.narrow(axis, 0, source.shape[axis] - 1) > source.min() + _EVEN
    even = (steps < 2 * _EVEN) & shown
    return float(made.diff(dim=axis).abs()[even].mean()) if even.any() else None
