"""What the labels of a task say about whether there is something to learn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crosslabel.data.splits import position
from crosslabel.learning.final_labels import TrainingLabels
from crosslabel.store import LabelRecord
from crosslabel.tasks import TaskSpec


@dataclass(frozen=True)
class LabelFacts:
    """Counts of the labels that a round of a task can use, and what is wrong with the others.

    Attributes:
        final: all of them.
        held_back: those that are held back, if at least five are.
        new: those that the last version has not seen, as labels to learn from, to measure on or to set aside.
        newest: when the last of the new ones was saved; None where there is none.
        obstacle: why nothing can be learnt from them; empty if it can.
        left_out: why, by the image id of each label that no round can use; such a label is in none of the counts.
    """

    final: int
    held_back: int
    new: int
    newest: datetime | None
    obstacle: str
    left_out: Mapping[str, str]


def facts_of(task: TaskSpec, labels: TrainingLabels, last: Mapping[str, Any] | None, fewest: int) -> LabelFacts:
    """Count.

    Args:
        task: what they are of.
        labels: those that train.
        last: record of the newest version, promoted or not; None if there is none.
        fewest: fewer labels than these are not held back.
    """
    settings = task.training
    held = sum(position(image.patient, settings.seed) < settings.validation_share for _, image in labels.usable)
    considered = _considered_by(last)
    new = [label for label, _ in labels.usable if not considered(label)]
    obstacle = ""
    if task.kind == "classification":
        names = {label.class_name for label, _ in labels.usable}
        if len(names) == 1:
            obstacle = f"All labels are '{names.pop()}'; training begins when an image of another class is labelled."
    newest = max((label.created for label in new), default=None)
    return LabelFacts(len(labels.usable), held if held >= fewest else 0, len(new), newest, obstacle, labels.left_out)


def _considered_by(record: Mapping[str, Any] | None) -> Callable[[LabelRecord], bool]:
    """What tells whether a version has seen a label, by the version's record."""
    if record is None:
        return lambda label: False
    learning = record.get("learning")
    if learning is not None:
        keys = set(learning.get("considered", ()))
        return lambda label: f"{label.image_id}@{label.path.name if label.path else label.class_name}" in keys
    # A version that was trained otherwise names the images only, and a demonstration says in a sentence what it is from.
    data = record.get("data")
    if not isinstance(data, Mapping):
        return lambda label: False
    named = {*data.get("training", ()), *data.get("validation", ()), *data.get("set_aside", ())}
    published = datetime.fromisoformat(record["published"]) if "published" in record else None
    return lambda label: label.image_id in named and (published is None or label.created <= published)
