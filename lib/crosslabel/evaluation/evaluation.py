"""The scores of a set of cases and what they come to."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from crosslabel.evaluation.agreement import Agreement, Presence


@dataclass(frozen=True)
class CaseScores:
    """The agreement of every label of one case."""

    id: str
    labels: dict[str, Agreement]


@dataclass(frozen=True)
class MeanSd:
    """Mean and sample standard deviation of the values that exist, and how many they are.

    The mean of no values and the deviation of fewer than two are NaN.
    """

    mean: float
    sd: float
    count: int

    @classmethod
    def of(cls, values: Iterable[float]) -> MeanSd:
        """Of all values that are not NaN."""
        known = np.array([value for value in values if not math.isnan(value)], dtype=np.float64)
        mean = float(known.mean()) if known.size else math.nan
        sd = float(known.std(ddof=1)) if known.size > 1 else math.nan
        return cls(mean, sd, int(known.size))


@dataclass(frozen=True)
class LabelSummary:
    """One label over all cases.

    Attributes:
        dice: over all cases.
        assd_mm: over the cases in which both prediction and reference have the label; likewise ``hd95_mm``.
        missed: cases in which the prediction lacks the label: they count as Dice 0 and have no distance.
        invented: cases in which only the prediction has it; likewise.
        absent: cases in which neither has it: they count as Dice 1 and have no distance.
    """

    dice: MeanSd
    assd_mm: MeanSd
    hd95_mm: MeanSd
    missed: int
    invented: int
    absent: int


@dataclass(frozen=True)
class Evaluation:
    """Predictions of a task against references.

    Attributes:
        task: name of the task.
        cases: scores by case, sorted by id.
        missing: ids of references without a prediction; they are in no mean.
        without_reference: ids of predictions that nothing could be compared with.
    """

    task: str
    cases: tuple[CaseScores, ...]
    missing: tuple[str, ...] = ()
    without_reference: tuple[str, ...] = ()

    @property
    def label_names(self) -> tuple[str, ...]:
        """The labels, in the task's order."""
        return tuple(self.cases[0].labels) if self.cases else ()

    @property
    def mean_dice(self) -> float:
        """Mean over the labels of their mean Dice."""
        return MeanSd.of(self.summary(name).dice.mean for name in self.label_names).mean

    def summary(self, label: str) -> LabelSummary:
        """One label over all cases."""
        scores = [case.labels[label] for case in self.cases]
        presences = [score.presence for score in scores]
        return LabelSummary(
            dice=MeanSd.of(score.dice for score in scores),
            assd_mm=MeanSd.of(score.assd_mm for score in scores),
            hd95_mm=MeanSd.of(score.hd95_mm for score in scores),
            missed=presences.count(Presence.REFERENCE_ONLY),
            invented=presences.count(Presence.PREDICTION_ONLY),
            absent=presences.count(Presence.NEITHER),
        )

    def as_json(self) -> dict[str, Any]:
        """JSON values; a number that does not exist is null."""
        return without_nan(
            {
                "task": self.task,
                "mean_dice": self.mean_dice,
                "labels": {name: asdict(self.summary(name)) for name in self.label_names},
                "cases": [
                    {"id": case.id, "labels": {name: asdict(score) for name, score in case.labels.items()}}
                    for case in self.cases
                ],
                "missing": list(self.missing),
                "without_reference": list(self.without_reference),
            }
        )


def without_nan(value: Any) -> Any:
    """JSON values with ``None`` in place of numbers that do not exist."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_nan(item) for item in value]
    if isinstance(value, Presence):
        return value.value
    return None if isinstance(value, float) and math.isnan(value) else value
