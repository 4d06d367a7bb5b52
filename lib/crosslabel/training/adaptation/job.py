"""The adaptation job: two folders in, a published checkpoint version and a report out."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from crosslabel.adaptation.image_level import ImageAdapter, build_adapter
from crosslabel.checkpoints import ModelStore, Version, record_of_start, seen_images
from crosslabel.networks.memory_format import channels_last
from crosslabel.optimisation import RESUME_FILE, Outcome, ProgressEvent, processes, read_curves
from crosslabel.tasks import TaskSpec
from crosslabel.tasks.building import network_of
from crosslabel.training.adaptation.data import MEMORY_BYTES, AdaptationCases, AdaptationData, check_cases, prepare_data
from crosslabel.training.adaptation.examples import examples_of, looks_of
from crosslabel.training.adaptation.fitting import fit_adapter
from crosslabel.training.adaptation.methods import method_of
from crosslabel.training.adaptation.objective import AdaptationObjective, evenly
from crosslabel.training.adaptation.report import REPORT_FILE, useless, write_report
from crosslabel.training.identity import identity
from crosslabel.training.job import Job

PSEUDO_LABELS = "pseudo_labels"
_MOST_EXAMPLES = 12


class AdaptationJob(Job):
    """Learns the target domain of a task from labels of a source domain; see :class:`Job` for the other arguments.

    From a version that an adaptation or the learning loop made (``start_from``), it goes on: what the network says of target
    images is of use at once, so that pseudo-labels teach from the first epoch.

    Args:
        task: a segmentation task with a source domain; ``task.adaptation`` says how.
        cases: of both domains; unusable ones are set aside and named in the provenance.
        store: where the version is published.
        run_dir: folder of the run: progress, state to resume from, fitted image-level method, pseudo-labels, report.
        memory_bytes: how much of each domain's prepared images may be kept in memory.
        adapter_dir: of fitted image-level methods, which several runs on the same data may share; in the run's folder if
            ``None``. A run that is not resumed fits anew what was fitted on other images or with other settings.
        measure: more metrics of the network at every validation, which decide nothing.
        is_candidate: the version is published, but not served from now on: it is chosen from afterwards.
    """

    def __init__(
        self,
        task: TaskSpec,
        cases: AdaptationCases,
        store: ModelStore,
        run_dir: Path,
        *,
        memory_bytes: int = MEMORY_BYTES,
        adapter_dir: Path | None = None,
        measure: Callable[[nn.Module], Mapping[str, float]] = lambda network: {},
        is_candidate: bool = False,
        **settings: Any,
    ) -> None:
        super().__init__(task, store, run_dir, **settings)
        begun = record_of_start(store, self.start_from)
        self.seen = seen_images(begun)
        self.task = _without_warm_up(task) if _knows_target(begun) else task
        self.cases = cases
        self.memory_bytes = memory_bytes
        self.adapter_dir = adapter_dir or run_dir / "adapter"
        self.measure = measure
        self.is_candidate = is_candidate
        self.method = method_of(task)
        self._stays: Version | None = None

    def check(self) -> None:
        check_cases(self.task, self.cases)
        # The loop looks again, but not before hours of fitting.
        processes.check_share(self.task.training.accumulate)

    def _train(self, emit: Callable[[ProgressEvent], None], resume: bool) -> Version | None:
        def say(sentence: str) -> None:
            emit(replace(self._last, message=sentence))

        say("Reading the images.")
        data = prepare_data(self.task, self.cases, self.memory_bytes, self.seen, self._reading(emit))
        emit(replace(self._last, message="", set_aside=data.aside))
        self.identity = identity(self.task, data.by_role, self.start_from)
        adapter = build_adapter(
            self.method.adapter, self.task, self.task.training.seed, device=str(self.device), **self._adapter_settings()
        )
        fit_adapter(adapter, data.source, data.shown, self.adapter_dir, emit, self._last, self.cancelled, refit=not resume)
        folder = self.run_dir / PSEUDO_LABELS
        # Rounds belong to the epochs that are gone on from; without them they are what another run left.
        if not (resume and (self.run_dir / RESUME_FILE).is_file()) and processes.rank() == 0:
            shutil.rmtree(folder, ignore_errors=True)
        processes.barrier()
        network = self._network()
        objective = AdaptationObjective(
            self.task, data, self.method, adapter, network, folder, self.cancelled, self.memory_bytes, self.measure, say
        )
        self._learnt_from = data, adapter

        def describe(outcome: Outcome) -> dict[str, Any]:
            say("Writing the report.")
            return self._described(data, adapter, objective)

        return self._fit(network, objective, emit, resume, describe)

    def _before_publishing(self, outcome: Outcome, provenance: dict[str, Any]) -> None:
        # What comes to nothing takes the place of nothing that was trained.
        self._stays = self.store.trained(self.task) if useless(provenance) else None
        data, adapter = self._learnt_from
        network = network_of(self.task)
        network.load_state_dict(outcome.weights)
        network = channels_last(network.to(self.device)).eval()
        examples = []
        for cases in (data.target, data.held, data.labelled):
            indices = evenly(len(cases), _MOST_EXAMPLES - len(examples))
            examples += examples_of(self.task, network, cases, indices, taught=cases is data.labelled)
        curves = read_curves(self.run_dir)
        pictures = [*adapter.pictures(), *looks_of(self.task, adapter, data.source, evenly(len(data.source), 2))]
        write_report(self.run_dir / REPORT_FILE, self.task, provenance, curves, adapter.curves(), examples, pictures)

    def _promotes(self) -> bool:
        return not (self.is_candidate or self._stays)

    def _reserve(self) -> str:
        return f" {self._stays.name} stays served: what was learnt finds nothing." if self._stays else ""

    def _adapter_settings(self) -> dict[str, Any]:
        """The task's settings of image-level methods, if the method is one that has any."""
        return dict(self.task.adaptation.image_level) if self.method.has_settings else {}

    def _described(self, data: AdaptationData, adapter: ImageAdapter, objective: AdaptationObjective) -> dict[str, Any]:
        return {
            "method": {
                "name": self.method.name,
                "title": self.method.title,
                "self_training": self.method.self_training,
                **adapter.facts(),
            },
            "data": {
                "source": [case.id for case in data.source.cases],
                "source_validation": [case.id for case in data.source_held.cases],
                "target": [case.id for case in data.target.cases],
                "target_labelled": [case.id for case in data.labelled.cases],
                "seen_before": sorted(self.seen),
                "target_validation": [case.id for case in data.held.cases],
                "set_aside": data.aside,
            },
            "metric": objective.metric,
            "metrics_on": _metrics_on(objective),
            "kept_epoch": "last" if objective.keeps_last else "best",
            "pseudo_labels": [
                {"round": said["round"], "labels": said["labels"]}
                for said in (objective.rounds.statistics() if objective.self_training else [])
            ],
        }


def _knows_target(record: Mapping[str, Any]) -> bool:
    """Whether a version was adapted, or learnt from labels of the target."""
    return "learning" in record or record.get("method", {}).get("name", "source_only") != "source_only"


def _without_warm_up(task: TaskSpec) -> TaskSpec:
    settings = task.adaptation.model_copy(update={"warm_up": 0.0})
    return task.model_copy(update={"adaptation": settings})


def _metrics_on(objective: AdaptationObjective) -> str:
    if objective.metric == "dice":
        return "held-back labelled target images"
    images = "unlabelled target images" if len(objective.data.target) else "labelled target images that taught"
    said = f"{images}, by their consistency under changes of style"
    return said if objective.keeps_last else f"{said}; no label of theirs was used"
