"""Restyled volumes on disk, up to a number of bytes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from crosslabel.errors import CrossLabelError
from crosslabel.files import is_full_disk
from crosslabel.images import Grid, read_image, write_map

# Uncompressed: a volume is read again for every epoch, and gzip would cost more than the network.
_SUFFIX = ".nii"


class VolumeCache:
    """Volumes by id and style, as NIfTI files in their grid; the least recently used make room for new ones.

    A file appears whole or not at all, so a cache whose filling was interrupted is gone on with. Several processes may share
    the folder: what another one has removed meanwhile is not there.

    Args:
        folder: for the files, one for each channel.
        channels: of the volumes.
        limit: bytes that they may take together; a single volume is kept even if it is larger.
    """

    def __init__(self, folder: Path, channels: int, limit: int) -> None:
        self.folder = folder
        self.channels = channels
        self.limit = limit

    def get(self, id: str, style: int) -> Tensor | None:
        """The volume (channels, \\*spatial), float32; ``None`` if it is not here, whole."""
        files = self._files(id, style)
        try:
            # The time of last use decides what has to go; few disks keep times of access.
            os.utime(files[0])
            return torch.cat([torch.from_numpy(read_image(file).array) for file in files])
        except (FileNotFoundError, CrossLabelError):
            # Never made, removed meanwhile, or damaged: it is made again.
            return None

    def put(self, id: str, style: int, volume: Tensor, grid: Grid) -> None:
        """Keep a volume (channels, \\*grid.shape).

        Raises:
            OSError: the disk is full.
            CrossLabelError: the folder cannot be written.
        """
        try:
            # The first channel is written last: it stands for the whole volume.
            for file, channel in reversed(list(zip(self._files(id, style), volume, strict=True))):
                write_map(channel.numpy(), grid, file)
        except OSError as error:
            if is_full_disk(error):
                raise
            raise CrossLabelError(
                f"Restyled volumes cannot be written to {self.folder} ({error.strerror}); make it writable and resume."
            ) from error
        self._make_room(spare=self._files(id, style)[0])

    def full(self, more: int) -> bool:
        """Whether a volume of ``more`` bytes would push others out."""
        return sum(size for _, _, size in self._held()) + more > self.limit

    def _make_room(self, spare: Path) -> None:
        held = sorted(self._held())
        total = sum(size for _, _, size in held)
        for _, first, size in held:
            if total <= self.limit:
                return
            if first != spare:
                # In this order a volume that is half removed does not look whole.
                for file in (first, *self._others(first)):
                    file.unlink(missing_ok=True)
                total -= size

    def _held(self) -> Iterator[tuple[int, Path, int]]:
        """Time of last use, first file and bytes of every volume."""
        for first in self.folder.glob(f"*_0{_SUFFIX}"):
            try:
                status = first.stat()
            except FileNotFoundError:
                continue
            yield status.st_mtime_ns, first, status.st_size * self.channels

    def _files(self, id: str, style: int) -> list[Path]:
        first = self.folder / f"{hashlib.sha256(id.encode()).hexdigest()[:16]}_{style}_0{_SUFFIX}"
        return [first, *self._others(first)]

    def _others(self, first: Path) -> list[Path]:
        stem = first.name.removesuffix(f"0{_SUFFIX}")
        return [first.with_name(f"{stem}{channel}{_SUFFIX}") for channel in range(1, self.channels)]
