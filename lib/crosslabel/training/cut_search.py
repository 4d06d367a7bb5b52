"""The search for where to cut a backbone, each candidate trained for some epochs."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from crosslabel.errors import CheckpointError, DataError
from crosslabel.evaluation.classes import balanced_accuracy_error
from crosslabel.files import write_json
from crosslabel.networks import BackboneClassifier
from crosslabel.optimisation.progress import ProgressEvent, State
from crosslabel.tasks.classification_settings import TruncatedPolicy
from crosslabel.training.loop_settings import loop_settings
from crosslabel.transfer import CutResult, TruncationSearch, costs_of
from crosslabel.transfer.cut_report import write_cut_report

if TYPE_CHECKING:
    from crosslabel.training.classifier_training import ClassifierTraining

CUTS_FILE = "cuts.json"
_REPORT = "cuts.html"


class _CancelledError(Exception):
    """The search was cancelled."""


class CutSearch:
    """Runs :class:`~crosslabel.transfer.TruncationSearch` by training; a resumed search does not train a candidate twice.

    Args:
        training: makes networks and loops.
        policy: of the task.
        emit: told of every event of every candidate.
        resume: take over the candidates that an earlier run in the same folder finished.

    Raises:
        DataError: nothing is held back to choose a cut by.
        CheckpointError: the search to resume was for another network, other settings or other images.
    """

    def __init__(
        self, training: ClassifierTraining, policy: TruncatedPolicy, emit: Callable[[ProgressEvent], None], resume: bool
    ) -> None:
        if not len(training.validation):
            raise DataError("A cut is chosen on held-back images and there are too few to hold any back; label more first.")
        self.training = training
        self.policy = policy
        self.emit = emit
        self.resume = resume
        self.file = training.job.run_dir / CUTS_FILE
        self.done: dict[str, CutResult] = {}
        if not resume:
            self.forget()
        elif self.file.is_file():
            self.done = self._found_before()
        self.results: list[CutResult] = []
        self.best: CutResult | None = None

    def run(self) -> str | None:
        """The best cut, ``None`` if the search was cancelled."""
        network = self.training.network({})
        assert isinstance(network, BackboneClassifier)
        search = TruncationSearch(network.trunk.blocks, self._measure, self.policy.tolerance)
        try:
            self.best = search.run()
        except _CancelledError:
            return None
        self.results = search.results
        write_cut_report(
            self.training.job.run_dir / _REPORT,
            network.trunk.architecture,
            self.training.objective.metric,
            self.results,
            self.best.cut,
            self._warning(),
        )
        return self.best.cut

    def facts(self) -> dict[str, Any]:
        """The table of candidates, for the provenance."""
        told = {"chosen": self.best and self.best.cut, "candidates": [result.as_dict() for result in self.results]}
        return {**told, "warning": self._warning()} if self._warning() else told

    def _warning(self) -> str:
        """What speaks against the choice; empty if nothing does."""
        chance = 1 / len({case.label for case in self.training.validation.cases})
        if any(result.metric > chance + result.standard_error for result in self.results):
            return ""
        return (
            "No cut did better than chance by more than a standard error, so that the choice says nothing; raise search_epochs "
            "of transfer.policy, give pretrained weights, or label more."
        )

    def forget(self) -> None:
        """Leave nothing to resume."""
        self.file.unlink(missing_ok=True)

    def _found_before(self) -> dict[str, CutResult]:
        found = json.loads(self.file.read_text(encoding="utf-8"))
        if found["of"] != self.training.job.identity:
            raise CheckpointError(
                "The search for a cut that was stopped had another network, other settings or other images, so it cannot be "
                "resumed; set them back, or train anew without resuming."
            )
        return {result["cut"]: CutResult(**result) for result in found["candidates"]}

    def _measure(self, cut: str) -> CutResult:
        if cut in self.done:
            return self.done[cut]
        training = self.training
        network = training.network({"cut": cut})
        settings = replace(loop_settings(training.task), epochs=self.policy.search_epochs)
        settings = replace(settings, validate_every=min(settings.validate_every, settings.epochs))

        def tell(event: ProgressEvent) -> None:
            # What a candidate loses is not on the curves of the training that follows.
            state = State.PREPARING if event.state is State.TRAINING else event.state
            self.emit(replace(event, state=state, message=event.message or f"Searching where to cut: after {cut}."))

        folder = training.job.run_dir / "cuts" / cut
        outcome = training.loop(network, settings, folder, tell).run(resume=self.resume)
        if outcome.state is State.CANCELLED:
            raise _CancelledError
        first = training.training[0].image
        costs = costs_of(network, first.shape)
        metric, error = outcome.metrics[training.objective.metric], self._standard_error(outcome.metrics)
        # Its weights are not needed again, and a large backbone has many cuts.
        shutil.rmtree(folder, ignore_errors=True)
        self.done[cut] = CutResult(cut, metric, costs.backbone_parameters, costs.macs, costs.latency_ms, error)
        write_json(
            self.file, {"of": self.training.job.identity, "candidates": [result.as_dict() for result in self.done.values()]}
        )
        return self.done[cut]

    def _standard_error(self, metrics: Mapping[str, float]) -> float:
        """Of a candidate's balanced accuracy, for the held-back images of each class."""
        counts = Counter(str(case.label) for case in self.training.validation.cases)
        return balanced_accuracy_error([metrics[f"sensitivity {name}"] for name in counts], list(counts.values()))
