"""Slices of prepared volumes on disk, so that a training that draws from all of them holds none in memory."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from crosslabel.adaptation.image_level.adapter import Volume, Watch
from crosslabel.files import replacing, write_json
from crosslabel.images import Grid
from crosslabel.tasks import TaskSpec

# Part of a slice's range that its values have to cover for it to show anything.
_SHOWS_SOMETHING = 0.02


def slice_axis(task: TaskSpec) -> int:
    """The spatial axis along which a task's volumes are cut into slices: the coarsest, and of equals the craniocaudal one."""
    if task.dimension == 2 or task.spacing is None:
        return 0
    vertical = next(axis for axis, letter in enumerate(task.orientation) if letter in "SI")
    return max(range(3), key=lambda axis: (task.spacing[axis], axis == vertical))


def to_slices(volume: Tensor, axis: int) -> Tensor:
    """(channels, \\*spatial) to (slices, channels, H, W); a picture is one slice."""
    return volume[None] if volume.ndim == 3 else volume.movedim(1 + axis, 0)


def to_volume(slices: Tensor, axis: int, dimension: int) -> Tensor:
    """The inverse of :func:`to_slices`."""
    return slices[0] if dimension == 2 else slices.movedim(0, 1 + axis)


@dataclass(frozen=True)
class Entry:
    """A volume that was cut: its file, where it lies, its range of values, and the slices that show something."""

    id: str
    file: str
    grid: Grid
    low: float
    high: float
    shown: tuple[int, ...]


class SliceFolder:
    """The volumes of one domain, cut into slices, one file for each.

    Values are brought to [-1, 1] by one linear map for the domain, from the lowest value of its volumes and their highest
    99.9th percentile, so that a network that ends in a tanh can make every one of them.

    Args:
        folder: for the files; those that an earlier run left whole are used again.
        axis: along which volumes are cut, see :func:`slice_axis`.
    """

    def __init__(self, folder: Path, axis: int) -> None:
        self.folder = folder
        self.axis = axis
        self.entries: list[Entry] = []

    def fill(self, volumes: Sequence[Volume], watch: Watch) -> bool:
        """Cut all volumes, one at a time; ``False`` if it was cancelled."""
        self.entries = []
        for volume in volumes:
            if watch.cancelled():
                return False
            self.entries.append(self._cut(volume))
        self.low = min(entry.low for entry in self.entries)
        self.high = max(max(entry.high for entry in self.entries), self.low + 1e-6)
        return True

    def draw(self, rng: np.random.Generator, count: int, size: tuple[int, int]) -> Tensor:
        """``count`` windows (count, channels, \\*size) of random slices, scaled; smaller slices are continued at the border."""
        windows = []
        for _ in range(count):
            entry = self.entries[int(rng.integers(len(self.entries)))]
            image = self._open(entry)[int(rng.choice(entry.shown))]
            corner = [int(rng.integers(max(0, full - wanted) + 1)) for full, wanted in zip(image.shape[1:], size, strict=True)]
            rows, columns = (slice(start, start + wanted) for start, wanted in zip(corner, size, strict=True))
            window = torch.from_numpy(np.array(image[:, rows, columns]))
            missing = [wanted - length for wanted, length in zip(size, window.shape[1:], strict=True)]
            windows.append(F.pad(window[None], (0, missing[1], 0, missing[0]), mode="replicate")[0])
        return self.scaled(torch.stack(windows))

    def whole(self, entry: Entry) -> Tensor:
        """All slices of a volume as prepared: (slices, channels, H, W)."""
        return torch.from_numpy(np.array(self._open(entry)))

    def middle(self, entry: Entry) -> Tensor:
        """The slices of a volume without the first and the last sixth, scaled: (slices, channels, H, W)."""
        slices = self._open(entry)
        edge = len(slices) // 6
        return self.scaled(torch.from_numpy(np.array(slices[edge : len(slices) - edge])))

    def scaled(self, values: Tensor) -> Tensor:
        """The domain's values in [-1, 1]."""
        return ((values - self.low) * (2 / (self.high - self.low)) - 1).clamp(-1, 1)

    def unscaled(self, values: Tensor) -> Tensor:
        """The inverse of :meth:`scaled` within [-1, 1]."""
        return (values + 1) * ((self.high - self.low) / 2) + self.low

    def largest(self) -> tuple[int, int]:
        """Height and width that hold any slice."""
        shapes = [self._open(entry).shape[2:] for entry in self.entries]
        return max(shape[0] for shape in shapes), max(shape[1] for shape in shapes)

    def empty(self) -> None:
        """Give the disk back; what was measured of the volumes stays, so :meth:`scaled` and its inverse still work."""
        for entry in self.entries:
            (self.folder / entry.file).unlink(missing_ok=True)

    def _open(self, entry: Entry) -> np.ndarray:
        return np.load(self.folder / entry.file, mmap_mode="r")

    def _cut(self, volume: Volume) -> Entry:
        name = hashlib.sha256(volume.id.encode()).hexdigest()[:16]
        described = self.folder / f"{name}.json"
        if not described.is_file():
            prepared = volume.read()
            slices = to_slices(prepared.tensor, self.axis).contiguous().numpy()
            with replacing(self.folder / f"{name}.npy") as temporary, temporary.open("wb") as file:
                np.save(file, slices)
            # Written last: a description stands for a whole file.
            write_json(described, _describe(slices, prepared.grid))
        return _entry(volume.id, name, described)


def _describe(slices: np.ndarray, grid: Grid) -> dict[str, Any]:
    low, high = float(slices.min()), float(np.quantile(slices, 0.999))
    ranges = np.ptp(slices.reshape(len(slices), -1), axis=1)
    shown = np.flatnonzero(ranges > _SHOWS_SOMETHING * max(high - low, 1e-6))
    return {
        "shape": list(grid.shape),
        "affine": grid.affine.tolist(),
        "low": low,
        "high": high,
        "shown": shown.tolist() or list(range(len(slices))),
    }


def _entry(id: str, name: str, described: Path) -> Entry:
    content = json.loads(described.read_text(encoding="utf-8"))
    grid = Grid(tuple(content["shape"]), np.array(content["affine"]))
    return Entry(id, f"{name}.npy", grid, content["low"], content["high"], tuple(content["shown"]))
