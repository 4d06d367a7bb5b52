"""Train and try on every fold, to see what a task's settings come to on data that no fold was trained on."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from crosslabel.checkpoints import ModelStore
from crosslabel.data import Case, stratified_folds
from crosslabel.errors import DataError
from crosslabel.evaluation import Answers
from crosslabel.evaluation.classes import accuracy, balanced_accuracy, macro_auroc
from crosslabel.explanation.answering import answer_cases
from crosslabel.inference import Classifier, load_predictor
from crosslabel.tasks import TaskSpec
from crosslabel.training.training_job import TrainingJob


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """What came of all folds.

    Attributes:
        answers: to every image, by the network that was not trained on it.
        folds: balanced accuracy, accuracy and AUROC of each fold.
        failures: why an image could not be used, by its id.
    """

    answers: Answers
    folds: list[dict[str, Any]]
    failures: dict[str, str]


def cross_validate(
    task: TaskSpec,
    cases: Sequence[Case],
    folds: int,
    device: str = "auto",
    tell: Callable[[int, str], None] = lambda fold, state: None,
    weights: Path | None = None,
) -> CrossValidation:
    """Train ``folds`` networks, each on all folds but one, and try each on the one left out; nothing is published.

    Raises:
        DataError: too few images or patients for so many folds, or of a class for one of them.
    """
    parts: list[Answers] = []
    scores: list[dict[str, Any]] = []
    failures: dict[str, str] = {}
    for number, (training, test) in enumerate(stratified_folds(cases, folds, task.training.seed, task.training.split_by)):
        with tempfile.TemporaryDirectory(prefix="crosslabel-fold-") as folder:
            store = ModelStore(Path(folder) / "models")
            tell(number, f"training on {len(training)} images")
            job = TrainingJob(task, training, store, Path(folder) / "run", device=device, weights=weights)
            try:
                version = job.run()
            except DataError as error:
                raise DataError(f"Fold {number + 1} of {folds} cannot be trained without its images: {error}") from error
            if number == 0 and (notice := store.record(version).get("pretrained", {}).get("notice")):
                tell(number, notice)
            classifier = load_predictor(task, store, device)
            assert isinstance(classifier, Classifier)
            answered = answer_cases(classifier, test)
        failures |= answered.failures
        answers = answered.answers(task.classes)
        parts.append(answers)
        scores.append({name: round(metric(answers), 5) for name, metric in _METRICS.items()})
        tell(number, f"balanced accuracy {scores[-1]['balanced accuracy']:.3f}")
    return CrossValidation(_joined(parts), scores, failures)


_METRICS: dict[str, Callable[[Answers], float]] = {
    "balanced accuracy": balanced_accuracy,
    "accuracy": accuracy,
    "AUROC": macro_auroc,
}


def _joined(parts: Sequence[Answers]) -> Answers:
    return Answers(
        parts[0].classes,
        tuple(id for part in parts for id in part.ids),
        np.concatenate([part.truths for part in parts]),
        np.concatenate([part.probabilities for part in parts]),
        np.concatenate([part.decisions for part in parts]),
        tuple(group for part in parts for group in part.groups),
    )
