"""Example slices of a translation, kept for a report."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from torch import Tensor

from crosslabel.adaptation.image_level.adapter import Picture
from crosslabel.files import replacing
from crosslabel.images import as_viewed


def picture(group: str, title: str, slices: Tensor, directions: str) -> Picture:
    """The first channel of the first slice of (N, channels, H, W) in [-1, 1], whose axes grow into ``directions``."""
    return Picture(group, title, as_viewed((slices[0, 0].float().numpy() + 1) / 2, directions))


def write_pictures(path: Path, pictures: Iterable[Picture]) -> None:
    """All pictures in one file, which appears whole or not at all."""
    kept = list(pictures)
    arrays = {f"pixels_{number}": each.pixels.astype(np.float16) for number, each in enumerate(kept)}
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, texts=np.array([[each.group, each.title] for each in kept]), **arrays)


def read_pictures(path: Path) -> list[Picture]:
    """What :func:`write_pictures` wrote."""
    with np.load(path) as content:
        return [
            Picture(str(group), str(title), content[f"pixels_{number}"].astype(np.float32))
            for number, (group, title) in enumerate(content["texts"])
        ]
