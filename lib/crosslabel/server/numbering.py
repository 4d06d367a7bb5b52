"""Label files whose values are numbers of segments, as MONAI Label's module for 3D Slicer writes them.

That module numbers all segments of a scene from 1 in their order, whatever values the proposal had, and sends the names
beside: ``"label_info": [{"name": "liver", "idx": 1}, ...]``. The name says what a clinician drew; the number says nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from crosslabel.errors import ImageError
from crosslabel.tasks import TaskSpec

BACKGROUND = "background"


def numbering_of(info: Mapping[str, Any], values: Collection[int]) -> dict[int, str]:
    """The segment that each value of a file means, by what came with it.

    Args:
        info: of the label; only a ``label_info`` whose entries have a ``name`` and an ``idx`` counts.
        values: that occur in the file, without 0.

    Returns:
        name by value; empty where nothing is said, so that the values are the task's own.

    Raises:
        ImageError: numbers are given, but not for every value that occurs, or one number for two segments.
    """
    given = info.get("label_info")
    entries = [entry for entry in given if isinstance(entry, Mapping)] if isinstance(given, list) else []
    pairs = [(entry["idx"], str(entry["name"])) for entry in entries if _is_number(entry.get("idx")) and "name" in entry]
    if not pairs:
        return {}
    names = dict(pairs)
    if len(names) < len(pairs):
        raise ImageError("label_info gives one number to several segments; number each segment once.")
    unnamed = sorted(set(values) - set(names))
    if unnamed:
        raise ImageError(f"The label holds the value {unnamed[0]}, which label_info does not name; name every segment.")
    return names


def values_by_name(numbering: Mapping[int, str], values: Collection[int], task: TaskSpec) -> dict[int, int]:
    """The task's value for each value that occurs.

    Args:
        numbering: name by value, as :func:`numbering_of` found it.
        values: that occur in the file, without 0.
        task: whose labels are drawn; a segment called ``background`` is none of them and becomes 0.

    Raises:
        ImageError: a drawn segment has a name that is no label of the task, or two have the same one.
    """
    known = {**task.label_values, BACKGROUND: 0}
    drawn = {value: numbering[value] for value in sorted(values)}
    foreign = next((name for name in drawn.values() if name not in known), None)
    if foreign is not None:
        raise ImageError(
            f"The segment '{foreign}' is no label of task {task.name}; rename it to one of {', '.join(task.label_values)}, "
            "or remove it."
        )
    twice = next((name for name in drawn.values() if list(drawn.values()).count(name) > 1), None)
    if twice is not None:
        raise ImageError(f"Two segments are called '{twice}'; merge them or rename one.")
    return {value: known[name] for value, name in drawn.items()}


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
