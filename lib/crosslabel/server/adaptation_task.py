"""MONAI Label's training interface over CrossLabel's adaptation job."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from crosslabel.checkpoints import ModelStore
from crosslabel.data import Case, labelled_cases
from crosslabel.errors import DataError
from crosslabel.files import write_json
from crosslabel.server.sources import source_named
from crosslabel.server.studies import Studies
from crosslabel.server.submissions import is_for
from crosslabel.server.train_task import StudiesTrainTask
from crosslabel.store import TrainingPolicy
from crosslabel.tasks import TaskSpec
from crosslabel.training.adaptation import AdaptationCases, AdaptationJob, ClassAdaptationJob, methods_for, with_method
from crosslabel.training.job import Job

_REQUEST_FILE = "request.json"
_OF_THE_START = frozenset({"source", "method", "pretrained", "resume"})


def adaptation_of(task: str) -> str:
    """Name of a task's adaptation among the trainings; no task is called so, because names of tasks have no hyphen."""
    return f"adapt-{task}"


def can_adapt(task: TaskSpec) -> bool:
    """Whether a task has a source domain to learn from."""
    return bool(task.domains.sources)


class AdaptationTrainTask(StudiesTrainTask):
    """Adapts one task from a labelled source folder to the studies of its target domain.

    Their final labels join in where it is a segmentation. Classes of studies are not looked at: the learning loop, for which
    they are new after an adaptation, goes on with them from the adapted version.

    Args:
        task: with a source domain.
        store: where versions are published; runs lie in ``TASK/adaptations/NAME/`` beside them.
        policy: which labels of studies teach.
        sources: labelled folders by name.
    """

    runs = "adaptations"

    def __init__(self, task: TaskSpec, store: ModelStore, policy: TrainingPolicy, sources: Mapping[str, Path]) -> None:
        super().__init__(task, store, policy)
        self._description = f"{task.title}, adapted"
        self.sources = dict(sources)

    @property
    def model(self) -> str:
        return adaptation_of(self.task.name)

    def config(self) -> dict[str, Any]:
        """Settings that a request may change, with their defaults; choices as lists, as stock clients show them."""
        return {
            **super().config(),
            "source": list(self.sources),
            "method": list(methods_for(self.task)),
        }

    def with_settings(self, request: Mapping[str, Any]) -> TaskSpec:
        task = super().with_settings(request)
        chosen = _first(request.get("method"))
        return task if chosen is None else with_method(task, chosen)

    def check(self, request: Mapping[str, Any], studies: Studies) -> None:
        """Refuse early what would fail after ten seconds of starting a process.

        Raises:
            TaskError: a setting's value is wrong.
            DataError: the source has no labelled image, or no study is of the target domain.
        """
        task = self.with_settings(request)
        labelled_cases(source_named(self.sources, _first(request.get("source"))), task)
        if not self._target(studies):
            spoken = task.domains.target.spoken
            raise DataError(f"No study is {spoken}, the target of task {task.name}; add some to the studies first.")

    def said(self, run: Path | None) -> dict[str, Any]:
        """``source``, ``method``, ``settings`` and ``started_from`` (a version's number) of a run, as soon as it has begun."""
        if run is None or not (run / _REQUEST_FILE).is_file():
            return {}
        return json.loads((run / _REQUEST_FILE).read_text(encoding="utf-8"))

    def _job_of(
        self,
        request: Mapping[str, Any],
        studies: Studies,
        run: Path,
        *,
        on_event: Callable[[Any], None],
        cancelled: Callable[[], bool],
    ) -> Job:
        task = self.with_settings(request)
        if not request.get("resume"):
            name = _first(request.get("source")) or next(iter(self.sources))
            begun = self.store.trained(task) if request.get("pretrained", True) else None
            number = None if begun is None else begun.number
            chosen = {key: request[key] for key in sorted(self.accepted & set(request)) if key not in _OF_THE_START}
            write_json(
                run / _REQUEST_FILE,
                {"source": name, "method": task.adaptation.method, "started_from": number, "settings": chosen},
            )
        # A run that is resumed goes on with its own source, method, settings and first weights, whatever the request says.
        said = self.said(run)
        task = self.with_settings({**said.get("settings", {}), "method": said["method"]} if said else request)
        cases = AdaptationCases(labelled_cases(source_named(self.sources, said.get("source")), task), self._target(studies))
        start = next((one for one in self.store.versions(task) if one.number == said.get("started_from")), None)
        job = AdaptationJob if task.kind == "segmentation" else ClassAdaptationJob
        return job(task, cases, self.store, run, start_from=start, on_event=on_event, cancelled=cancelled)

    def _target(self, studies: Studies) -> list[Case]:
        """Studies of the target domain, those of a segmentation with their final label where they have one."""
        labelled = {case.id: case for case in self._final_cases(studies)} if self.task.kind == "segmentation" else {}
        return [
            labelled.get(image.id) or Case(image.id, image.path, None, patient=image.patient)
            for image in studies.store.images.list()
            if image.summary is not None
            and is_for(image, self.task)
            and self.task.domains.target.accepts(
                image.summary.modality or self.task.domains.target.modality, image.summary.sequence
            )
        ]


def _first(choice: Any) -> str | None:
    """What was chosen: stock clients send a list of choices back as it is, the first being meant."""
    if isinstance(choice, list):
        choice = choice[0] if choice else None
    return None if choice is None else str(choice)
