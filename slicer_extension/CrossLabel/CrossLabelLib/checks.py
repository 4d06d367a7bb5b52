"""What to look at before a label is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from CrossLabelLib.client.results import Label
from CrossLabelLib.facts import Facts


@dataclass(frozen=True)
class Finding:
    """Something about a segmentation.

    Attributes:
        severity: ``error`` stops sending; a ``warning`` may be confirmed.
        sentence: what is the matter and what to do.
        segment: that it is about; empty for the whole.
    """

    severity: str
    sentence: str
    segment: str = ""


def findings(facts: Facts, labels: Sequence[Label]) -> list[Finding]:
    """What to look at, errors first.

    Args:
        facts: what is drawn.
        labels: of the task.
    """
    names = [label.name for label in labels]
    found = [*_doubled(facts, names), *_extra(facts, names), *_empty(facts, names), *_overlapping(facts, names)]
    found.extend(_outside(facts, names))
    return sorted(found, key=lambda finding: finding.severity != "error")


def sent(facts: Facts, labels: Sequence[Label]) -> dict[str, int]:
    """Voxels by name of what would be sent."""
    names = {label.name for label in labels}
    voxels = dict.fromkeys((label.name for label in labels), 0)
    for segment in facts.segments:
        if segment.name in names:
            voxels[segment.name] += segment.voxels
    for overlap in facts.overlaps:
        if overlap.lower in names and overlap.upper in names:
            voxels[overlap.lower] -= overlap.voxels
    return voxels


def _doubled(facts: Facts, names: list[str]) -> list[Finding]:
    drawn = [segment.name for segment in facts.segments if segment.voxels]
    twice = [name for name in names if drawn.count(name) > 1]
    return [Finding("error", f"Two segments are called '{name}'; merge them or rename one.", name) for name in twice]


def _extra(facts: Facts, names: list[str]) -> list[Finding]:
    return [
        Finding(
            "warning",
            f"'{segment.name}' is no label of this task and is not sent; rename it to one of {', '.join(names)}, or remove it.",
            segment.name,
        )
        for segment in facts.segments
        if segment.name not in names and segment.voxels
    ]


def _empty(facts: Facts, names: list[str]) -> list[Finding]:
    drawn = {segment.name for segment in facts.segments if segment.voxels}
    empty = [name for name in names if name not in drawn]
    if len(empty) == len(names):
        return [Finding("warning", "Nothing is drawn: the label will say that the image shows none of the structures.")]
    return [
        Finding("warning", f"'{name}' is empty: the label will say that the image does not show it.", name) for name in empty
    ]


def _overlapping(facts: Facts, names: list[str]) -> list[Finding]:
    return [
        Finding(
            "warning",
            f"'{overlap.lower}' and '{overlap.upper}' share {_voxels(overlap.voxels)}, which are sent as '{overlap.upper}', "
            "the later in the list.",
            overlap.lower,
        )
        for overlap in facts.overlaps
        if overlap.lower in names and overlap.upper in names
    ]


def _outside(facts: Facts, names: list[str]) -> list[Finding]:
    return [
        Finding(
            "warning",
            f"About {_voxels(segment.outside)} of '{segment.name}' lie outside the image and are not sent.",
            segment.name,
        )
        for segment in facts.segments
        if segment.name in names and segment.outside
    ]


def _voxels(count: int) -> str:
    return f"{count:,} voxel{'' if count == 1 else 's'}"
