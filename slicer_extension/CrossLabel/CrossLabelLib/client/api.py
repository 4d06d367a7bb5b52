"""What the extension asks a server for, whichever of the two kinds it is."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from CrossLabelLib.client import adaptation, connecting, inference, labels, learning, stock_worklist, worklist
from CrossLabelLib.client.errors import ServerError
from CrossLabelLib.client.job import Job
from CrossLabelLib.client.learning_results import AdaptationState, LearningState
from CrossLabelLib.client.results import (
    Case,
    Cases,
    ClassAnswer,
    LabelVersion,
    MapFile,
    Proposal,
    Saved,
    Server,
    Study,
    Task,
)
from CrossLabelLib.client.transport import Transport


class Client:
    """A server's client; :meth:`connect` comes first. Every method may be called by any thread, waits for the answer, and
    raises :class:`ServerError`.

    Args:
        transport: to the server.
        person: name of who annotates, for servers that ask for no token.
    """

    def __init__(self, transport: Transport, person: str = "") -> None:
        self.transport = transport
        self.server: Server | None = None
        self._person = {"client_id": person} if person else {}

    def connect(self) -> Server:
        """Ask the server what it offers; again after it changed."""
        self.server = connecting.connect(self.transport)
        return self.server

    def next_case(self, task: str, strategy: str | None = None) -> Case | None:
        """The case to annotate next, with why; None when none is left."""
        cases = self.next_cases(task, 1, strategy)
        return cases[0] if cases else None

    def next_cases(self, task: str, count: int, strategy: str | None = None) -> list[Case]:
        """The cases to annotate next, the most wanted first; a MONAI Label server gives one at a time."""
        if self._offers("case list"):
            return worklist.next_cases(self.transport, task, strategy=strategy, count=count, person=self._person)[0]
        offered = [name for name, _ in self._known.strategies]
        chosen = strategy or ("random" if "random" in offered or not offered else offered[0])
        case = stock_worklist.next_case(self.transport, task, strategy=chosen, person=self._person)
        return [] if case is None else [case]

    def release(self, task: str, image: str) -> None:
        """Give a case back, so that others get it; where a server knows no leases there is nothing to do."""
        if self._offers("case list"):
            worklist.mark(self.transport, task, "release", image, **self._person)

    def skip(self, task: str, image: str, reason: str = "") -> None:
        self._need("case list")
        worklist.mark(self.transport, task, "skip", image, reason=reason, **self._person)

    def pin(self, task: str, image: str, pinned: bool = True) -> None:
        self._need("case list")
        worklist.mark(self.transport, task, "pin", image, pinned=pinned, **self._person)

    def cases(self, task: str, state: str | None = None, text: str = "", offset: int = 0, limit: int = 100) -> Cases:
        """One page of the cases whose id or patient holds ``text``."""
        options: dict[str, Any] = {"state": state, "text": text, "offset": offset, "limit": limit}
        if self._offers("case list"):
            return worklist.cases(self.transport, task, **options)
        return stock_worklist.cases(self.transport, **options)

    def images_of_patient(self, image: str) -> list[Study]:
        """The other images of an image's patient, those of the same examination first; none where the server cannot say."""
        if not self._offers("patients"):
            return []
        studies = {study.id: study for study in worklist.studies(self.transport)}
        this = studies.get(image)
        if this is None or not this.patient:
            return []
        others = [study for study in studies.values() if study.patient == this.patient and study.id != image]
        return sorted((study for study in others if not study.problem), key=lambda study: (study.study != this.study, study.id))

    def download_image(self, image: str, folder: Path, job: Job | None = None) -> Path:
        """The file of an image; a DICOM series comes as a zip."""
        return self.transport.download("/datastore/image", folder, image, query={"image": image}, job=job or Job())

    def download_label(self, task: str, image: str, folder: Path, job: Job | None = None) -> Path:
        """The final label of an image."""
        return labels.download(self.transport, task, image, folder, stock=self._known.stock, job=job or Job())

    def upload_image(self, path: Path, image: str, job: Job | None = None) -> tuple[str, ...]:
        """Add an image to the server's studies; the answer are its warnings, such as names in DICOM tags."""
        query, form = {"image": image}, {"params": json.dumps(self._person)}
        answer = self.transport.upload("PUT", "/datastore/image", "file", path, query=query, form=form, job=job or Job())
        warnings = answer.params.get("warnings")
        return tuple(str(warning) for warning in warnings) if isinstance(warnings, list) else ()

    def infer(self, task: str, image: str, folder: Path, job: Job | None = None, file: Path | None = None) -> Proposal:
        """The predicted segmentation of a study, or with ``file`` of a file that the server does not keep."""
        options: dict[str, Any] = {"file": file, "stock": self._known.stock, "job": job or Job()}
        return inference.segment(self.transport, self._task(task), image, folder, **options)

    def classify(self, task: str, image: str, job: Job | None = None, file: Path | None = None) -> ClassAnswer:
        return inference.classify(self.transport, self._task(task), image, file=file, job=job or Job())

    def uncertainty(self, task: str, image: str, folder: Path, job: Job | None = None, file: Path | None = None) -> MapFile:
        """How sure the model is, voxel by voxel."""
        self._need("uncertainty")
        return self._map(task, image, folder, "uncertainty", {}, file, job)

    def heatmap(
        self,
        task: str,
        image: str,
        folder: Path,
        explanation: str = "gradcam",
        class_name: str | None = None,
        job: Job | None = None,
        file: Path | None = None,
    ) -> MapFile:
        """Where the model looked for a class, by default for the one that is answered."""
        self._need("heatmaps")
        params = {"explanation": explanation, **({"class": class_name} if class_name else {})}
        return self._map(task, image, folder, "heatmap", params, file, job)

    def save_label(
        self, task: str, image: str, path: Path, comment: str = "", job: Job | None = None, checkpoint: str = ""
    ) -> Saved:
        """Save a label file whose voxels have the task's values; ``checkpoint`` is whose proposal was corrected."""
        values = {label.name: label.value for label in self._task(task).labels}
        options: dict[str, Any] = {"values": values, "comment": comment, "checkpoint": checkpoint, "person": self._person}
        return labels.save(self.transport, task, image, path, **options, job=job or Job())

    def save_class(
        self, task: str, image: str, name: str, sure: bool = True, comment: str = "", slice: int | None = None
    ) -> Saved:
        """Save the class of an image; ``slice`` is the one that decided it."""
        if self._known.stock:
            return self._save_class_file(task, image, name, comment)
        body: dict[str, Any] = {"class": name, "comment": comment, **self._person}
        if self._offers("class-labels"):
            body.update(sure=sure, slice=slice)
        return labels.save_class(self.transport, task, image, body)

    def history(self, task: str, image: str) -> list[LabelVersion]:
        """All versions of a label, oldest first."""
        self._need("history")
        return labels.history(self.transport, task, image)

    def learning(self, task: str) -> LearningState:
        """Where learning stands; a MONAI Label server tells little."""
        if self._offers("learning"):
            return learning.state(self.transport, task)
        return learning.stock_state(self.transport, task)

    def switch(self, task: str, value: str) -> None:
        """Let the server train by itself: ``on``, ``paused`` or ``off``."""
        self._need("learning")
        learning.switch(self.transport, task, value)

    def train(self, task: str) -> None:
        learning.train(self.transport, task)

    def stop_training(self) -> None:
        learning.stop_training(self.transport)

    def activate(self, task: str, number: int) -> None:
        """Let another version predict."""
        self._need("learning")
        learning.activate(self.transport, task, number)

    def adaptation(self, task: str) -> AdaptationState:
        self._need("adaptation")
        return adaptation.state(self.transport, task)

    def start_adaptation(self, task: str, source: str, method: str | None = None, **settings: Any) -> None:
        self._need("adaptation")
        adaptation.start(self.transport, task, source, method, settings)

    def stop_adaptation(self, task: str) -> None:
        self._need("adaptation")
        adaptation.stop(self.transport, task)

    def report(self, task: str, folder: Path, job: Job | None = None) -> Path:
        """The adaptation's report as an HTML file."""
        path = f"{adaptation.path(task)}/report"
        return self.transport.download(path, folder, f"{task}-report", job=job or Job(), suffix=".html")

    @property
    def _known(self) -> Server:
        if self.server is None:
            raise ServerError("Connect to a server first.", "unreachable")
        return self.server

    def _offers(self, feature: str) -> bool:
        return feature not in self._known.missing

    def _need(self, feature: str) -> None:
        if not self._offers(feature):
            raise ServerError(self._known.missing[feature], "missing")

    def _task(self, name: str) -> Task:
        task = self._known.task(name)
        if task is None:
            raise ServerError(f"The server has no task '{name}' any more; connect again.", "missing")
        return task

    def _map(
        self, task: str, image: str, folder: Path, kind: str, params: dict[str, Any], file: Path | None, job: Job | None
    ) -> MapFile:
        spec = self._task(task)
        return inference.float_map(self.transport, spec, image, folder, kind, params, file=file, job=job or Job())

    def _save_class_file(self, task: str, image: str, name: str, comment: str) -> Saved:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "class.json"
            file.write_text(json.dumps({"class": name}), encoding="utf-8")
            options: dict[str, Any] = {"values": {}, "comment": comment, "checkpoint": "", "person": self._person}
            return labels.save(self.transport, task, image, file, **options, job=Job())
