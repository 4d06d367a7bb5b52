"""What every image-level method of adaptation offers to the training that uses it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from torch import Tensor

from crosslabel.errors import CheckpointError
from crosslabel.optimisation import ProgressEvent
from crosslabel.preparation import Prepared


class FittedOtherwiseError(CheckpointError):
    """The folder holds what was fitted on other images, or with other settings."""


@dataclass(frozen=True)
class Volume:
    """A prepared image that is read when it is needed, so that memory does not grow with the number of images.

    Attributes:
        id: unique among the volumes of its domain, and the same in every run.
        read: reads and prepares the image; its tensor is (channels, \\*spatial), its grid says where that lies.
        digest: of the image as it is stored, by which what was fitted on another of the same id is told apart.
    """

    id: str
    read: Callable[[], Prepared]
    digest: Callable[[], str]


@dataclass(frozen=True, eq=False)
class Picture:
    """One slice for a report.

    Attributes:
        group: what belongs in one row, such as the name of the source volume.
        title: what the slice shows, such as ``style 3``.
        pixels: (rows, columns), 0 (black) to 1 (white).
    """

    group: str
    title: str
    pixels: np.ndarray


@dataclass(frozen=True)
class Watch:
    """How long work tells what it does and hears that it should stop."""

    on_event: Callable[[ProgressEvent], None] = lambda event: None
    cancelled: Callable[[], bool] = lambda: False


class ImageAdapter(Protocol):
    """Changes how source images look, never where anything is; labels are never changed.

    Call :meth:`fit` once before anything else. It may then be used by a training that may itself be resumed: all that
    :meth:`volume` and :meth:`patch` draw depends on the seed and on their arguments.
    """

    name: str

    def fit(self, source: Sequence[Volume], target: Sequence[Volume], folder: Path, watch: Watch) -> bool:
        """Learn what the method needs to know of both domains.

        A folder in which this was done before is read instead, and one in which it was interrupted is gone on with.

        Args:
            source: labelled images (only the images are seen here).
            target: images of the target, labelled or not (their labels are not seen).
            folder: each method keeps what it learns in a folder of its name there, so that combinations share it; it stays
                valid for the same volumes, settings and seed.
            watch: told of progress, asked whether to stop.

        Returns:
            Whether it is fitted; ``False`` if it was cancelled.

        Raises:
            CrossLabelError: the data do not suffice, or the folder belongs to another fit.
        """
        ...

    def volume(self, id: str, volume: Tensor, epoch: int) -> Tensor:
        """A whole prepared source volume as it should look in an epoch.

        Args:
            id: of a volume that :meth:`fit` saw.
            volume: (channels, \\*spatial), float32, on the CPU.
            epoch: of the training that uses it.

        Returns:
            Another tensor of the same shape, or the same one.
        """
        ...

    def patch(self, patch: Tensor, rng: np.random.Generator, label: Tensor | None = None) -> Tensor:
        """A patch of such a volume with its look randomised.

        Args:
            patch: (channels, \\*spatial).
            rng: of everything that is drawn.
            label: (1, \\*spatial), the output-channel index of every voxel where it is known; methods that change the look
                of one structure against the others need it.

        Returns:
            The same shape, on the same device.
        """
        ...

    def pictures(self) -> list[Picture]:
        """Example slices of what the method does, for a report; empty where there is nothing to show."""
        ...

    def facts(self) -> Mapping[str, float | int | str]:
        """What was measured while fitting, for a report and the provenance."""
        ...

    def curves(self) -> Mapping[str, Sequence[Sequence[float]]]:
        """Losses of what was trained while fitting, by name: (epoch, value) pairs; empty where nothing was."""
        ...


class Unchanged:
    """Leaves images as they are: the row ``source only``, and the base of the methods that change one thing only."""

    name = "none"

    def fit(self, source: Sequence[Volume], target: Sequence[Volume], folder: Path, watch: Watch) -> bool:
        return True

    def volume(self, id: str, volume: Tensor, epoch: int) -> Tensor:
        return volume

    def patch(self, patch: Tensor, rng: np.random.Generator, label: Tensor | None = None) -> Tensor:
        return patch

    def pictures(self) -> list[Picture]:
        return []

    def facts(self) -> Mapping[str, float | int | str]:
        return {}

    def curves(self) -> Mapping[str, Sequence[Sequence[float]]]:
        return {}


class Chain:
    """Several adapters, one after the other, such as translation and then randomisation.

    Args:
        adapters: in the order in which they change an image.
    """

    def __init__(self, adapters: Sequence[ImageAdapter]) -> None:
        self.adapters = tuple(adapters)
        self.name = "+".join(adapter.name for adapter in self.adapters)

    def fit(self, source: Sequence[Volume], target: Sequence[Volume], folder: Path, watch: Watch) -> bool:
        return all(adapter.fit(source, target, folder, watch) for adapter in self.adapters)

    def volume(self, id: str, volume: Tensor, epoch: int) -> Tensor:
        for adapter in self.adapters:
            volume = adapter.volume(id, volume, epoch)
        return volume

    def patch(self, patch: Tensor, rng: np.random.Generator, label: Tensor | None = None) -> Tensor:
        for adapter in self.adapters:
            patch = adapter.patch(patch, rng, label)
        return patch

    def pictures(self) -> list[Picture]:
        return [picture for adapter in self.adapters for picture in adapter.pictures()]

    def facts(self) -> Mapping[str, float | int | str]:
        return {name: value for adapter in self.adapters for name, value in adapter.facts().items()}

    def curves(self) -> Mapping[str, Sequence[Sequence[float]]]:
        return {name: pairs for adapter in self.adapters for name, pairs in adapter.curves().items()}
