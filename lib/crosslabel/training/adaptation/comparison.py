"""Several methods of adaptation on the same data, and the choice between them without labels."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from crosslabel.checkpoints import ModelStore, Version
from crosslabel.errors import CheckpointError
from crosslabel.files import write_json
from crosslabel.optimisation import processes
from crosslabel.tasks import TaskSpec
from crosslabel.training.adaptation.data import AdaptationCases
from crosslabel.training.adaptation.job import AdaptationJob
from crosslabel.training.adaptation.methods import with_method
from crosslabel.training.adaptation.report import useless
from crosslabel.training.identity import identity

_RESULTS = "methods.json"


class MethodComparison:
    """Adapts by each of several methods and serves the version that does best by the criterion that also chose its epoch.

    That is the consistency on the same unlabelled target images, or Dice on held-back labelled ones where there are enough.
    Until all are done, what was served before stays served.

    Args:
        task: a segmentation task with a source domain.
        methods: their names.
        cases: of both domains.
        store: where the versions are published; all of them stay.
        folder: one folder of a run for each method below it, and ``methods.json`` with what they were trained on and what
            each came to.
        settings: of :class:`AdaptationJob`.
    """

    def __init__(
        self, task: TaskSpec, methods: Sequence[str], cases: AdaptationCases, store: ModelStore, folder: Path, **settings: Any
    ) -> None:
        self.jobs = {
            name: AdaptationJob(
                with_method(task, name),
                cases,
                store,
                folder / name,
                adapter_dir=folder / "adapter",
                is_candidate=True,
                **settings,
            )
            for name in methods
        }
        self.store = store
        self.folder = folder
        by_role = {"source": cases.source, "target": cases.target}
        self.trained_on = identity(task, by_role, settings.get("start_from"))
        del self.trained_on["task"]["adaptation"]["method"]

    def check(self) -> None:
        """Refuse what can be seen to be wrong before anything is done.

        Raises:
            CrossLabelError: what is wrong.
        """
        for job in self.jobs.values():
            job.check()

    def run(self, *, resume: bool = False) -> Version | None:
        """Adapt by all methods that are not done yet.

        Returns:
            The best version, which is served from now on unless it came to nothing and another was trained before; ``None``
            if the job was cancelled, and in other processes than the first.

        Raises:
            CheckpointError: the run to resume was on other images, labels or settings.
            CrossLabelError: what is wrong with the data, the task or the settings.
        """
        done: dict[str, dict[str, Any]] = self._results() if resume else {}
        if not resume and processes.rank() == 0:
            (self.folder / _RESULTS).unlink(missing_ok=True)
        for name, job in self.jobs.items():
            if name in done:
                continue
            version = job.run(resume=resume)
            if processes.rank() > 0:
                continue
            if version is None:
                return None
            record = self.store.record(version)
            reached = record["metrics"].get(record["metric"], 0.0)
            done[name] = {"version": version.number, "metric": record["metric"], "value": reached}
            write_json(self.folder / _RESULTS, {"trained_on": self.trained_on, "methods": done})
        if processes.rank() > 0:
            return None
        best = max(self.jobs, key=lambda name: done[name]["value"])
        task, number = self.jobs[best].task, done[best]["version"]
        version = self.store.numbered(task, number)
        if useless(self.store.record(version)) and self.store.trained(task) is not None:
            return version
        return self.store.activate(task, number)

    def _results(self) -> dict[str, dict[str, Any]]:
        path = self.folder / _RESULTS
        if not path.is_file():
            return {}
        before = json.loads(path.read_text(encoding="utf-8"))
        if before["trained_on"] != self.trained_on:
            raise CheckpointError(
                f"The methods in {self.folder} were trained on other images, labels or settings, so they cannot be gone on "
                "with; set them back, or start anew without resuming."
            )
        return before["methods"]
