"""Supervised training of a task as a job."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from crosslabel.checkpoints import ModelStore, Version
from crosslabel.data import Case, check_split, hold_back, spoken_held_back
from crosslabel.errors import DataError, TaskError
from crosslabel.networks.pretrained import load_pretrained
from crosslabel.optimisation.progress import ProgressEvent
from crosslabel.tasks import TaskSpec
from crosslabel.tasks.building import network_of
from crosslabel.training.classifier_training import ClassifierTraining
from crosslabel.training.identity import identity
from crosslabel.training.job import Job
from crosslabel.training.prepared_cases import PreparedCases
from crosslabel.training.segmentation import SegmentationObjective


class TrainingJob(Job):
    """Supervised training from labelled cases; see :class:`Job` for the other arguments.

    Args:
        task: what to train.
        cases: labelled cases; unusable ones are set aside and named in the provenance.
        store: where the version is published.
        run_dir: folder of the run.
        weights: file of pretrained weights for a new classifier, all but its head.
    """

    def __init__(
        self,
        task: TaskSpec,
        cases: Sequence[Case],
        store: ModelStore,
        run_dir: Path,
        *,
        weights: Path | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(task, store, run_dir, **settings)
        self.cases = cases
        self.weights = weights

    def check(self) -> None:
        if not self.cases:
            raise DataError(f"There is no labelled case to train {self.task.name} from; label some first.")
        check_split(self.cases, self.task.training.split_by)
        if self.weights is not None:
            if self.task.kind == "segmentation":
                raise TaskError(f"{self.task.name} is a segmentation; pretrained weights are for classification tasks.")
            # They are loaded again, but not before all images were read.
            load_pretrained(network_of(self.task), self.weights)

    def _train(self, emit: Callable[[ProgressEvent], None], resume: bool) -> Version | None:
        training, validation, aside = self._split(emit)
        split = {"training": training.cases, "held back": validation.cases}
        self.identity = identity(self.task, split, self.start_from, self.weights)
        facts = {
            "data": {
                "training": [case.id for case in training.cases],
                "validation": [case.id for case in validation.cases],
                "set_aside": aside,
            },
            "metrics_on": spoken_held_back(training.cases, validation.cases) + self._by_what(),
        }
        if self.task.kind == "classification":
            return ClassifierTraining(self, training, validation, facts, self.weights).run(emit, resume)
        objective = SegmentationObjective(self.task, training, validation, self.device)
        return self._fit(self._network(), objective, emit, resume, lambda outcome: facts)

    def _by_what(self) -> str:
        """Answers go by costs where the task states some, for which the weights are not chosen."""
        return ", of the most probable classes whatever mistakes cost" if self.task.balance.costs else ""

    def _split(self, emit: Callable[[ProgressEvent], None]) -> tuple[PreparedCases, PreparedCases, dict[str, str]]:
        settings = self.task.training
        chosen = PreparedCases(self.task, self.cases)
        aside = chosen.set_aside_unusable(before_each=self._reading(emit))
        emit(replace(self._last, message="Preparing to train.", set_aside=aside))
        train, held = hold_back(chosen.cases, settings.validation_share, settings.seed)
        return chosen.of(train), chosen.of(held), aside
