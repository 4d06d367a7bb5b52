"""From an image to what the network sees, and from the network's maps back to the image's own grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from crosslabel.errors import ImageError
from crosslabel.images import Grid, Image
from crosslabel.preparation.intensity import scale_intensity
from crosslabel.preparation.resampling import resample, task_grid
from crosslabel.tasks import DomainSpec, TaskSpec


@dataclass(frozen=True, eq=False)
class Prepared:
    """An image as the network sees it.

    Attributes:
        tensor: (channels, \\*grid.shape), float32.
        grid: where the tensor's voxels lie.
        source: the image's own grid, to which results return.
        domain: whose intensity rule was applied.
    """

    tensor: torch.Tensor
    grid: Grid
    source: Grid
    domain: DomainSpec


class Preparation:
    """Prepares images and labels for one task and brings results back.

    Volumes are resampled to the task's orientation and spacing; for classification the result is also centred in the task's
    ``patch``. Pictures are kept as they are for segmentation, and fitted into ``patch`` with their aspect ratio for
    classification.
    """

    def __init__(self, task: TaskSpec) -> None:
        self.task = task

    def forward(self, image: Image) -> Prepared:
        """Prepare one image.

        Raises:
            ImageError: the image's dimension, modality or number of channels is not the task's.
            TaskError: the modality is unknown and matters.
        """
        self.check(image)
        domain = self.task.domain_of(image.modality, image.sequence)
        tensor = torch.from_numpy(scale_intensity(image.in_channels(self.task.channels), domain.intensity))
        grid = self._grid(image.grid)
        return Prepared(self._onto(tensor, image.grid, grid), grid, image.grid, domain)

    def labels(self, values: np.ndarray, grid: Grid, prepared: Prepared) -> torch.Tensor:
        """Output-channel indices of a label on the prepared grid.

        Args:
            values: label values of the task, in ``grid``.
            grid: the label's grid, which has to be the image's.
            prepared: the image that the label belongs to.

        Returns:
            (1, \\*prepared.grid.shape), int64.

        Raises:
            ImageError: the label lies in another grid than its image, or holds a value that the task does not know.
        """
        if not grid.overlaps(prepared.source):
            raise ImageError(
                "The fields of view of the image and its label do not overlap; the label belongs to another image, or one of "
                "the two lost its position."
            )
        if not grid.same_as(prepared.source):
            raise ImageError(
                f"The label's grid {grid.shape} is not the image's {prepared.source.shape} (shape, spacing, origin and "
                "direction must agree); resample the label onto its image first."
            )
        indices = torch.from_numpy(self.task.indices_of(values).astype(np.float32))[None]
        if prepared.grid is not prepared.source:
            indices = resample(indices, grid, prepared.grid, nearest=True)
        return indices.round().long()

    def inverse(self, maps: torch.Tensor, prepared: Prepared) -> torch.Tensor:
        """Bring maps from the prepared grid back: (K, \\*prepared.grid.shape) -> (K, \\*source shape), float32."""
        if prepared.grid is prepared.source:
            return maps.float()
        if self.task.dimension == 3:
            return resample(maps, prepared.grid, prepared.source)
        inner, margin = _fit(prepared.source.shape, prepared.grid.shape)
        inside = maps[:, margin[0] : margin[0] + inner[0], margin[1] : margin[1] + inner[1]]
        return F.interpolate(inside[None].float(), prepared.source.shape, mode="bilinear", align_corners=False)[0]

    def check(self, image: Image) -> None:
        """Whether an image can be prepared.

        Raises:
            ImageError: its dimension, modality or number of channels is not the task's.
        """
        allowed = self.task.eligible(image.grid.dimension, image.modality, image.sequence)
        if not allowed:
            raise ImageError(allowed.reason + ".")
        channels = len(image.in_channels(self.task.channels))
        if channels != self.task.channels:
            raise ImageError(
                f"{self.task.name} takes images of {self.task.channels} channel(s) and this one has {channels}; give one frame "
                "or sequence at a time."
            )

    def _grid(self, grid: Grid) -> Grid:
        task = self.task
        if task.dimension == 3:
            return task_grid(grid, task.orientation, task.spacing, task.patch if task.kind == "classification" else None)
        if task.kind == "segmentation":
            return grid
        return Grid(task.patch, _picture_affine(grid, task.patch))

    def _onto(self, tensor: torch.Tensor, source: Grid, target: Grid) -> torch.Tensor:
        if target is source:
            return tensor
        if self.task.dimension == 3:
            return resample(tensor, source, target)
        inner, margin = _fit(source.shape, target.shape)
        scaled = F.interpolate(tensor[None], inner, mode="bilinear", align_corners=False, antialias=True)[0]
        background = tensor.flatten(1).amin(dim=1)
        fitted = background[:, None, None].expand(-1, *target.shape).clone()
        fitted[:, margin[0] : margin[0] + inner[0], margin[1] : margin[1] + inner[1]] = scaled
        return fitted


def _fit(shape: tuple[int, ...], frame: tuple[int, ...]) -> tuple[list[int], list[int]]:
    """Size of a picture scaled to fit a frame with its aspect ratio, and the margin before it on each axis (pixels)."""
    scale = min(outer / size for outer, size in zip(frame, shape, strict=True))
    inner = [min(outer, max(1, round(size * scale))) for outer, size in zip(frame, shape, strict=True)]
    return inner, [(outer - size) // 2 for outer, size in zip(frame, inner, strict=True)]


def _picture_affine(grid: Grid, frame: tuple[int, ...]) -> np.ndarray:
    """Affine of the frame that a picture was fitted into, so that frame pixels still have a place in the world."""
    inner, margin = _fit(grid.shape, frame)
    step = np.eye(4)
    for axis in range(2):
        step[axis, axis] = grid.shape[axis] / inner[axis]
        step[axis, 3] = (0.5 - margin[axis]) * step[axis, axis] - 0.5
    return grid.affine @ step
