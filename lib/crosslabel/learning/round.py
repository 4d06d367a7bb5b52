"""One round of learning: from the labels there are to a new version, which is served only if it is not worse."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from crosslabel.checkpoints import Checkpoint, ModelStore, Version, learnt_by, record_of_start, seen_images
from crosslabel.data import Case, given_as
from crosslabel.errors import CrossLabelError, DataError
from crosslabel.images import read_image
from crosslabel.inference import fill_network
from crosslabel.learning.cross_fitting import cross_fitted
from crosslabel.learning.held_back import label_key, split, start_of
from crosslabel.learning.measuring import Measured, measure
from crosslabel.learning.promotion import Verdict, agreements, by_cross_fitting, by_held_back, without_held_back
from crosslabel.learning.replay import mixture
from crosslabel.learning.resuming import goes_on
from crosslabel.optimisation import Outcome, ProgressEvent
from crosslabel.preparation import Preparation
from crosslabel.tasks import TaskSpec
from crosslabel.training.classifier_training import ClassifierTraining
from crosslabel.training.job import Job
from crosslabel.training.prepared_cases import PreparedCases
from crosslabel.training.segmentation import SegmentationObjective

# Unlabelled images that the label-free criterion looks at.
MOST_UNLABELLED = 12
# Where training would take all of a GPU, an inference beside it would fail.
_SHARE_OF_GPU_MEMORY = 0.7


@dataclass(frozen=True, eq=False)
class _Data:
    """What a round has before it trains.

    Attributes:
        train: labels to learn from.
        aside: why, by the id of each case that cannot be used.
        new: number of labels that the network has not seen.
        fresh: those, or all where there are none.
        validation: held-back labels.
        images: unlabelled ones, prepared, for the label-free criterion.
        served: the version that is served as the round begins; None where none is.
        before: what it achieves.
    """

    train: list[Case]
    aside: dict[str, str]
    new: int
    fresh: PreparedCases
    validation: PreparedCases
    images: list[torch.Tensor]
    served: Version | None
    before: dict[str, Any]


class LearningRound(Job):
    """Goes on from the last version with new labels and a replay of earlier ones; see :class:`crosslabel.training.job.Job`.

    The first training of a task runs ``training.epochs`` epochs, every further round ``active_learning.round_epochs``.

    Args:
        task: what is learnt.
        cases: all labels there are, of target and source domains; unusable ones are set aside and named.
        store: where versions are published.
        run_dir: folder of the run.
        replay: labelled cases of source domains that lie elsewhere; they are drawn like earlier labels and are none.
        unlabelled: images without a label, for the label-free criterion; up to :data:`MOST_UNLABELLED` are used.
        device: ``auto``, ``cpu``, ``cuda``, ...
        on_event: called with every progress event.
        cancelled: asked after every step.
    """

    def __init__(
        self,
        task: TaskSpec,
        cases: Sequence[Case],
        store: ModelStore,
        run_dir: Path,
        *,
        replay: Sequence[Case] = (),
        unlabelled: Sequence[Path] = (),
        device: str = "auto",
        on_event: Callable[[ProgressEvent], None] = lambda event: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        held = split(task, cases)[1]
        start = start_of(task, store, held)
        record = record_of_start(store, start)
        self.learnt = learnt_by(record)
        super().__init__(
            _as_round(task, further=bool(record)),
            store,
            run_dir,
            device=device,
            start_from=start,
            on_event=on_event,
            cancelled=cancelled,
        )
        self.cases = cases
        home = next(iter(task.domains.sources), task.domains.target)
        self.replay = [replace(case, id=f"source: {case.id}") for case in given_as(home, replay)]
        self.unlabelled = unlabelled
        self.verdict: Verdict | None = None
        self._data: _Data
        self.note = ""

    def run(self, *, resume: bool = False) -> Version | None:
        """Train, decide and publish; a GPU that runs out of memory is given smaller batches, then spared.

        Args:
            resume: go on where a round in the same folder was stopped, if it learnt from the labels that this one learns from
                and started from the same version; else begin anew.

        Returns:
            The version, promoted or not (see :attr:`verdict`); None if the round was cancelled.

        Raises:
            BeingTrainedError: another process trains the task.
            CrossLabelError: what is wrong with the labels or the task.
        """
        if self.device.type == "cuda":
            torch.cuda.set_per_process_memory_fraction(_SHARE_OF_GPU_MEMORY, self.device)
        while True:
            try:
                return super().run(resume=resume)
            except CrossLabelError as error:
                if not isinstance(error.__cause__, torch.OutOfMemoryError) or not self._spare_memory():
                    raise
            # Not in the handler, where the error still holds the network and all that it computed.
            gc.collect()
            torch.cuda.empty_cache()
            # With other batches what was begun cannot be gone on with.
            resume = False

    def _spare_memory(self) -> bool:
        """Ask for less; False where there is nothing left to spare."""
        settings = self.task.training
        if settings.batch_size > 1:
            smaller = settings.model_copy(update={"batch_size": 1, "accumulate": settings.accumulate * settings.batch_size})
            self.task = self.task.model_copy(update={"training": smaller})
            self.note = "The memory was too small, so this round took smaller batches."
            return True
        if self.device.type != "cpu":
            self.device = torch.device("cpu")
            self.note = "The GPU's memory was too small, so this round trained on the CPU."
            return True
        return False

    def _train(self, emit: Callable[[ProgressEvent], None], resume: bool) -> Version | None:
        if not self.cases:
            raise DataError(f"There is no labelled case to train {self.task.name} from; label some first.")
        chosen = PreparedCases(self.task, [*self.cases, *self.replay])
        aside = chosen.set_aside_unusable(before_each=self._reading(emit))
        own = {case.id for case in self.cases}
        ours, again = ([case for case in chosen.cases if (case.id in own) is mine] for mine in (True, False))
        if not ours:
            raise DataError(f"None of the {len(self.cases)} labels can be learnt from; the first: {next(iter(aside.values()))}")
        train, held = split(self.task, ours)
        resume = goes_on(self.run_dir, self.task, self.start_from, train, held, resume=resume)
        new = [case for case in train if label_key(case) not in self.learnt]
        fresh, validation = chosen.of(new or train), chosen.of(held)
        images = self._unlabelled_images() if not held else []
        served = self.store.current(self.task)
        before = self._before(served, fresh, validation, images)
        self._data = _Data(train, aside, len(new), fresh, validation, images, served, before)
        known = {*self.learnt, *(label_key(case) for case in again)}
        drawn = chosen.of(mixture([*train, *again], known, self.task.active_learning.new_share))
        # The loop validates once, at its end: nothing is selected on the held-back labels, which decide about the version.
        if self.task.kind == "classification":
            return ClassifierTraining(self, drawn, validation, {}, None).run(emit, resume)
        objective = SegmentationObjective(self.task, drawn, validation, self.device)
        return self._fit(self._network(), objective, emit, resume, lambda outcome: {})

    def publish(
        self,
        outcome: Outcome,
        seconds: float,
        facts: Mapping[str, Any],
        emit: Callable[[ProgressEvent], None],
        extras: Mapping[str, torch.Tensor] | None = None,
    ) -> Version:
        """Decide about the new version, and publish it with the grounds; it is served if it is not worse."""
        network = fill_network(self.task, Checkpoint(outcome.weights, dict(facts), "the new model")).to(self.device)
        data = self._data
        after = measure(self.task, network, data.validation)
        self.verdict = self._unless_chosen_otherwise(self._judge(network, after, emit))
        learning = {
            "promoted": self.verdict.promoted,
            "reason": " ".join(part for part in (self.verdict.reason, self.note) if part),
            "metric": self.verdict.metric,
            "value": self.verdict.value,
            "value_before": self.verdict.before,
            "on": self.verdict.on,
            "labels": len(data.train) + len(data.validation),
            "new": data.new,
            "learnt_from": sorted({*self.learnt, *(label_key(case) for case in data.train)}),
            "considered": sorted(label_key(case) for case in self.cases),
            "served_before": data.before["described"],
            "pairs": [] if after is None else [list(pair) for pair in after.pairs],
        }
        ours = {
            "data": {
                "training": [case.id for case in data.train],
                "validation": [case.id for case in data.validation.cases],
                "set_aside": data.aside,
            },
            "metrics": {} if after is None else after.metrics(),
            "metrics_on": self.verdict.on,
            "learning": learning,
        }
        return super().publish(outcome, seconds, {**facts, **ours}, emit, extras)

    def _before(
        self, served: Version | None, fresh: PreparedCases, validation: PreparedCases, images: list[torch.Tensor]
    ) -> dict[str, Any]:
        """What the version that is served achieves, on what it has not learnt from."""
        if served is None:
            return {"held_back": None, "fresh": None, "agreements": None, "described": None}
        network = fill_network(self.task, self.store.load(self.task, served)).to(self.device)
        seen = seen_images(record_of_start(self.store, served))
        # A served version that has seen what is held back now would win for the wrong reason.
        honest = not seen & {case.id for case in validation.cases}
        on_fresh = measure(self.task, network, fresh.of([case for case in fresh.cases if case.id not in seen]))
        described = {
            "name": served.name,
            "labels": len(seen),
            "metric": None if on_fresh is None else on_fresh.metric,
            "value": None if on_fresh is None else on_fresh.value,
            "on": "new labels, before they were learnt from",
            "pairs": [] if on_fresh is None else [list(pair) for pair in on_fresh.pairs],
        }
        return {
            "held_back": measure(self.task, network, validation) if honest else None,
            "fresh": on_fresh,
            "agreements": agreements(self.task, network, images),
            "described": described,
        }

    def _judge(self, network: torch.nn.Module, after: Measured | None, emit: Callable[[ProgressEvent], None]) -> Verdict:
        data, before = self._data, self._data.before
        if after is not None:
            return by_held_back(after, before["held_back"], len(data.validation))
        if self.task.kind == "classification" and before["fresh"] is not None:
            doing = "comparing with the model before, by training without either half of the new labels"
            emit(replace(self._last, eta_seconds=None, message=doing))
            crossed = self._cross_fitted()
            if crossed is not None:
                return by_cross_fitting(crossed, before["fresh"], len(crossed.by_case))
        judged = data.fresh if before["fresh"] is None else self._judged()
        fits = (measure(self.task, network, judged), before["fresh"])
        return without_held_back(fits, (agreements(self.task, network, data.images), before["agreements"]))

    def _cross_fitted(self) -> Measured | None:
        """For classifications, which train quickly, and whose agreement with themselves on a dozen images says little."""
        start = None if self.start_from is None else self.store.load(self.task, self.start_from)
        train = self._data.train
        return cross_fitted(self.task, start, train, self.learnt, self._judged(), str(self.device), self.cancelled)

    def _judged(self) -> PreparedCases:
        """Those of the new labels that the model before was measured on."""
        known = self._data.before["fresh"].by_case
        return self._data.fresh.of([case for case in self._data.fresh.cases if case.id in known])

    def _unless_chosen_otherwise(self, verdict: Verdict) -> Verdict:
        """A version that a person chose while the round ran stays served: the new one was not compared with it."""
        now = self.store.current(self.task)
        if not verdict.promoted or now is None or now == self._data.served:
            return verdict
        reason = f"{verdict.reason} It is not served, because {now.name} was chosen while it learnt."
        return replace(verdict, promoted=False, reason=reason)

    def _promotes(self) -> bool:
        return self.verdict is None or self.verdict.promoted

    def _unlabelled_images(self) -> list[torch.Tensor]:
        preparation, found = Preparation(self.task), []
        for path in self.unlabelled:
            if len(found) == MOST_UNLABELLED:
                break
            try:
                found.append(preparation.forward(read_image(path)).tensor)
            except CrossLabelError:
                # The pool scorer reports it; another image says as much.
                continue
        return found


def _as_round(task: TaskSpec, *, further: bool) -> TaskSpec:
    epochs = task.active_learning.round_epochs if further else task.training.epochs
    training = task.training.model_copy(update={"epochs": epochs, "validate_every": epochs})
    return task.model_copy(update={"training": training})
