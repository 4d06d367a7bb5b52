"""What is drawn, in numbers: the scene counts them, the checks judge them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SegmentFact:
    """A segment: its name, how many voxels of the image it has, and about how many of its own lie outside the image."""

    name: str
    voxels: int
    outside: int = 0


@dataclass(frozen=True)
class Overlap:
    """Voxels that two segments both have; only ``upper``, the later in the list, keeps them in a label file."""

    lower: str
    upper: str
    voxels: int


@dataclass(frozen=True)
class Facts:
    """All segments in the order of the list, and which overlap."""

    segments: tuple[SegmentFact, ...]
    overlaps: tuple[Overlap, ...] = ()
