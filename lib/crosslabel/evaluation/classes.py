"""How well classes are told apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from crosslabel.evaluation.calibration import expected_calibration_error, reliability
from crosslabel.evaluation.evaluation import without_nan

_BOOTSTRAPS = 1000


@dataclass(frozen=True)
class Interval:
    """A number and its 95 % interval from bootstrap samples of the patients; NaN where it cannot be computed."""

    value: float
    lower: float
    upper: float


@dataclass(frozen=True)
class ClassScores:
    """One class against the rest: NaN where the references show no image of it, or of no other."""

    sensitivity: float
    specificity: float
    auroc: float
    auprc: float
    images: int


@dataclass(frozen=True, eq=False)
class Answers:
    """What a classifier said of labelled images.

    Attributes:
        classes: names, in the order of the probabilities.
        ids: of the images.
        truths: (images,) class indices.
        probabilities: (images, classes).
        decisions: (images,) class indices of the answers; the most probable ones unless mistakes have costs.
        groups: patient of each image, or the image itself where the patient is unknown.
    """

    classes: tuple[str, ...]
    ids: tuple[str, ...]
    truths: np.ndarray
    probabilities: np.ndarray
    decisions: np.ndarray
    groups: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class ClassEvaluation:
    """Answers of a task's classifier against references.

    Attributes:
        task: name of the task.
        answers: what it was computed from.
        metrics: by name, with 95 % intervals: accuracy, balanced accuracy, AUROC and AUPRC averaged over classes, ECE.
        by_class: scores of each class.
        confusion: (true, answered) counts.
    """

    task: str
    answers: Answers
    metrics: dict[str, Interval]
    by_class: dict[str, ClassScores]
    confusion: np.ndarray

    def as_json(self) -> dict[str, Any]:
        """JSON values; a number that does not exist is null."""
        answers = self.answers
        return without_nan(
            {
                "task": self.task,
                "images": len(answers.ids),
                "metrics": {name: asdict(interval) for name, interval in self.metrics.items()},
                "classes": {name: asdict(scores) for name, scores in self.by_class.items()},
                "confusion": {"classes": list(answers.classes), "true_by_answered": self.confusion.tolist()},
                "reliability": [asdict(one) for one in reliability(answers.probabilities, answers.truths)],
                "answers": [
                    {
                        "id": id,
                        "class": answers.classes[truth],
                        "answer": answers.classes[decision],
                        "probabilities": dict(zip(answers.classes, map(float, row), strict=True)),
                    }
                    for id, truth, decision, row in zip(
                        answers.ids, answers.truths, answers.decisions, answers.probabilities, strict=True
                    )
                ],
            }
        )


def evaluate_classes(
    task: str,
    answers: Answers,
    bootstraps: int = _BOOTSTRAPS,
    seed: int = 0,
    costs: Mapping[str, Mapping[str, float]] | None = None,
) -> ClassEvaluation:
    """Score answers; intervals come from resampling whole patients, for images of one are not independent.

    Args:
        task: name of the task.
        answers: at least one.
        bootstraps: how many samples.
        seed: of the samples.
        costs: of mistakes, as the task states them, see :func:`mean_cost`.
    """
    scored = dict(METRICS)
    if costs:
        scored["mean cost"] = lambda sample: mean_cost(sample, costs)
    values = {name: metric(answers) for name, metric in scored.items()}
    members: dict[str, list[int]] = {}
    for index, group in enumerate(answers.groups):
        members.setdefault(group, []).append(index)
    patients = [np.array(indices) for indices in members.values()]
    spreads: dict[str, list[float]] = {name: [] for name in scored}
    for rng in np.random.default_rng(seed).spawn(bootstraps):
        sample = _resampled(answers, patients, rng)
        for name, metric in scored.items():
            spreads[name].append(metric(sample))
    metrics = {}
    for name in scored:
        spread = np.array(spreads[name])
        spread = spread[~np.isnan(spread)]
        lower, upper = np.percentile(spread, [2.5, 97.5]) if spread.size else (math.nan, math.nan)
        metrics[name] = Interval(values[name], float(lower), float(upper))
    by_class = {name: _of_class(answers, index) for index, name in enumerate(answers.classes)}
    return ClassEvaluation(task, answers, metrics, by_class, confusion(answers))


def confusion(answers: Answers) -> np.ndarray:
    """Counts (true, answered)."""
    counts = np.zeros((len(answers.classes),) * 2, dtype=np.int64)
    np.add.at(counts, (answers.truths, answers.decisions), 1)
    return counts


def balanced_accuracy(answers: Answers) -> float:
    """Mean sensitivity over the classes that the references show."""
    return _mean(_of_class_sensitivity(answers, index) for index in range(len(answers.classes)))


def balanced_accuracy_error(sensitivities: Sequence[float], counts: Sequence[int]) -> float:
    """Standard error of a balanced accuracy.

    Half a right and half a wrong answer are added to each class (Agresti and Coull 1998, for one standard error), so that no
    mistake among few images is not taken for certainty.

    Args:
        sensitivities: of the classes that the references show.
        counts: how many images each of them has.
    """
    variance = 0.0
    for sensitivity, count in zip(sensitivities, counts, strict=True):
        moved = (sensitivity * count + 0.5) / (count + 1)
        variance += moved * (1 - moved) / (count + 1)
    return variance**0.5 / len(counts)


def mean_cost(answers: Answers, costs: Mapping[str, Mapping[str, float]]) -> float:
    """What an answer costs on average: ``costs[a][b]`` where b is answered and a is true; 1 for mistakes without a cost."""
    names = answers.classes
    table = [[costs.get(true, {}).get(called, float(true != called)) for called in names] for true in names]
    return float(np.array(table)[answers.truths, answers.decisions].mean())


def accuracy(answers: Answers) -> float:
    """Share of answers that are right."""
    return float((answers.truths == answers.decisions).mean())


def macro_auroc(answers: Answers) -> float:
    """Area under the ROC curve, one class against the rest, averaged over the classes that have both."""
    return _mean(auroc(answers.truths == index, answers.probabilities[:, index]) for index in range(len(answers.classes)))


def macro_auprc(answers: Answers) -> float:
    """Average precision, one class against the rest, averaged over the classes that the references show."""
    return _mean(auprc(answers.truths == index, answers.probabilities[:, index]) for index in range(len(answers.classes)))


def calibration_error(answers: Answers) -> float:
    """Expected calibration error."""
    return expected_calibration_error(answers.probabilities, answers.truths)


def auroc(positive: np.ndarray, scores: np.ndarray) -> float:
    """Chance that a positive scores above a negative, ties counting half (Mann-Whitney); NaN without both."""
    count = int(positive.sum())
    if count in (0, len(positive)):
        return math.nan
    _, inverse, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(sizes) - (sizes - 1) / 2)[inverse]
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * (len(positive) - count)))


def auprc(positive: np.ndarray, scores: np.ndarray) -> float:
    """Average precision ``sum_n (R_n - R_n-1) P_n`` over the distinct thresholds; NaN without positives."""
    count = int(positive.sum())
    if count == 0:
        return math.nan
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(positive[order])
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    recall, precision = hits[last] / count, hits[last] / (last + 1)
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


METRICS: dict[str, Callable[[Answers], float]] = {
    "accuracy": accuracy,
    "balanced accuracy": balanced_accuracy,
    "AUROC": macro_auroc,
    "AUPRC": macro_auprc,
    "ECE": calibration_error,
}


def _of_class_sensitivity(answers: Answers, index: int) -> float:
    shown = answers.truths == index
    return float((answers.decisions[shown] == index).mean()) if shown.any() else math.nan


def _of_class(answers: Answers, index: int) -> ClassScores:
    shown = answers.truths == index
    others = answers.decisions[~shown] != index
    scores = answers.probabilities[:, index]
    return ClassScores(
        sensitivity=_of_class_sensitivity(answers, index),
        specificity=float(others.mean()) if others.size else math.nan,
        auroc=auroc(shown, scores),
        auprc=auprc(shown, scores),
        images=int(shown.sum()),
    )


def _resampled(answers: Answers, patients: Sequence[np.ndarray], rng: np.random.Generator) -> Answers:
    """As many patients as there are, drawn with replacement, each with all images (given by index)."""
    chosen = np.concatenate([patients[number] for number in rng.integers(len(patients), size=len(patients))])
    return Answers(
        answers.classes,
        answers.ids,
        answers.truths[chosen],
        answers.probabilities[chosen],
        answers.decisions[chosen],
        answers.groups,
    )


def _mean(values: Sequence[float] | Any) -> float:
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan
