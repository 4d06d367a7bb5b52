"""The case in hand: got, opened, adopted, given back, found again."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from CrossLabelLib.autosave import Autosave, Work
from CrossLabelLib.client.errors import ServerError
from CrossLabelLib.client.results import Case, Study
from CrossLabelLib.keeping import Keeping
from CrossLabelLib.unpacking import remove, unpack

if TYPE_CHECKING:
    from CrossLabelLib.client.api import Client
    from CrossLabelLib.client.job import Job
    from CrossLabelLib.session import Session


IN_SCENE = "case"


class CaseWork:
    """Works on one case at a time; see :class:`~CrossLabelLib.session.Session` for how results arrive.

    Methods that would end work on the case raise :class:`~CrossLabelLib.keeping.UnsavedWorkError` where it holds unsaved
    work, unless ``discard`` is true.

    Args:
        session: that it belongs to.
        autosave: keeps unsaved work.

    Attributes:
        case: in hand; None where there is none. Its id is empty for a volume that the server does not have.
        batch: cases that were handed out as well and wait.
        checkpoint: whose proposal is being corrected; empty for what is drawn by hand.
        comment: that goes with the label.
        further: other images of the patient that are loaded beside.
    """

    def __init__(self, session: Session, autosave: Autosave) -> None:
        self._session = session
        self._folder: Path | None = None
        self.case: Case | None = None
        self.batch: list[Case] = []
        self.checkpoint = ""
        self.comment = ""
        self.further: list[Study] = []
        self._images = 0
        self.keeping = Keeping(session, autosave)

    @property
    def unsaved(self) -> bool:
        return self.keeping.unsaved

    @property
    def folder(self) -> Path:
        """For files of this session; removed at its end."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="crosslabel-"))
        return self._folder

    def next(self, strategy: str | None = None, *, discard: bool = False) -> None:
        """Open the next case: the first of the batch, else the one that the server hands out."""
        client, task = self._session.need()
        self.keeping.check(discard=discard)
        waiting, edits = (self.batch[0] if self.batch else None), self.keeping.edits

        def work(job: Job) -> tuple[Case, Path, Path | None]:
            case = waiting or client.next_case(task.name, strategy or self._strategy)
            if case is None:
                raise ServerError("No case is left: all are labelled, skipped, or in somebody's hands.", "missing")
            return self.downloaded(client, task.name, case, False, job)

        self._session.run("case", "Getting the next case", work, lambda got: self._arrived(got, edits, waits=True))

    def next_batch(self, count: int, strategy: str | None = None) -> None:
        """Have several cases handed out, which :meth:`next` then opens one by one."""
        client, task = self._session.need()
        chosen = strategy or self._strategy
        self._session.run("batch", "Getting cases", lambda job: client.next_cases(task.name, count, chosen), self._got_batch)

    def open(self, case: Case, *, discard: bool = False) -> None:
        """Open a case of the list; a labelled one with its label, to be corrected."""
        client, task = self._session.need()
        self.keeping.check(discard=discard)
        labelled, edits = task.kind == "segmentation" and case.state in ("labelled", "returned"), self.keeping.edits
        self._session.run(
            "case",
            f"Opening {case.id}",
            lambda job: self.downloaded(client, task.name, case, labelled, job),
            lambda got: self._arrived(got, edits),
        )

    def adopt(self, volume: Any, *, discard: bool = False) -> None:
        """Work on a volume of the scene that the server does not have, such as one from Slicer's DICOM database.

        It is predicted by sending it along; with :meth:`upload` alone it becomes a study of the server.
        """
        if self.case is None:
            self._session.scene.disown()
        self.leave(discard=discard, keep=volume)
        self._session.scene.adopt(volume)
        self._begin(Case(id=""))

    def upload(self, name: str) -> None:
        """Add the adopted volume to the server's studies under a name, which should be a pseudonym."""
        client, _ = self._session.need()
        path = self.unknown_image()
        if path is None:
            raise ServerError("The server has this case already.", "refused")

        def done(warnings: tuple[str, ...]) -> None:
            self.case = Case(id=name)
            self._keep_in_scene()
            self.keeping.keep()
            self._session.notify("case")
            if warnings:
                self._session.fail(ServerError(" ".join(warnings), "refused"))

        self._session.run("upload", f"Sending {name}", lambda job: client.upload_image(path, name, job), done)

    def load_further(self) -> None:
        """Load the other images of the patient beside the case's, those of the same examination first."""
        client, _ = self._session.need()
        case, folder = self.need(), self.folder

        def work(job: Job) -> list[tuple[Study, Path]]:
            studies = client.images_of_patient(case.id)
            return [(study, unpack(client.download_image(study.id, folder, job), job)) for study in studies]

        def done(loaded: list[tuple[Study, Path]]) -> None:
            known = {study.id for study in self.further}
            for study, path in loaded:
                if study.id not in known:
                    self._session.scene.load_further(path, study.id)
                    self.further.append(study)
                remove(path)
            self._session.notify("case")

        self._session.run("further", "Getting the patient's other images", work, done)

    def skip(self, reason: str = "", *, discard: bool = False) -> None:
        """Leave the case out of what is handed out, and close it."""
        client, task = self._session.need()
        case = self.need()
        self.leave(discard=discard)
        self._session.run(
            "mark", f"Skipping {case.id}", lambda job: client.skip(task.name, case.id, reason), lambda answer: None
        )

    def release(self, *, discard: bool = False) -> None:
        """Give the case back, so that others get it, and close it."""
        client, task = self._session.need()
        case = self.need()
        self.leave(discard=discard)
        self._session.run("mark", f"Giving {case.id} back", lambda job: client.release(task.name, case.id), lambda answer: None)

    def pin(self, case: Case, pinned: bool = True) -> None:
        """Have a case annotated before all others, or no longer so."""
        client, task = self._session.need()

        def done(answer: object) -> None:
            if self.case is not None and self.case.id == case.id:
                self.case = replace(self.case, pinned=pinned)
                self._session.notify("case")

        self._session.run("mark", f"Pinning {case.id}", lambda job: client.pin(task.name, case.id, pinned), done)

    def leave(self, *, discard: bool = False, keep: Any = None) -> None:
        """Close the case; its nodes leave the scene, but for the volume ``keep``."""
        self.keeping.check(discard=discard)
        if self.case is None:
            return
        self._session.cancel()
        self.keeping.clean()
        self._session.scene.clear(keep)
        self.batch = [waiting for waiting in self.batch if waiting.id != self.case.id]
        self.case = None
        self._reset()

    def close(self) -> None:
        self.keeping.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def need(self) -> Case:
        """The case; raises ServerError where there is none."""
        if self.case is None:
            raise ServerError("There is no case yet; get the next one, or open one of the list.", "refused")
        return self.case

    def unknown_image(self) -> Path | None:
        """The image's file where the server does not have it, to be sent along; else None."""
        if self.need().id:
            return None
        # Under a name of its own each time: the one before may still be on its way.
        self._images += 1
        path = self.folder / f"image-{self._images}.nrrd"
        self._session.scene.save_image(path)
        return path

    def described(self) -> Work | None:
        """Whose segmentation is in the scene; None for a case that the server does not have."""
        if self.case is None or not self.case.id or self._session.task is None:
            return None
        return Work(self._session.url, self._session.task.name, self.case.id, self.checkpoint, self.comment)

    def take_up(self, case: Case, checkpoint: str, comment: str) -> None:
        """Have a case in hand whose image and segmentation are in the scene already."""
        self.case, self.checkpoint, self.comment = case, checkpoint, comment
        self._session.notify("case")

    def corrects(self, checkpoint: str) -> None:
        """What is in the scene now is a proposal of these weights."""
        self.checkpoint = checkpoint
        self._keep_in_scene()

    def labelled(self) -> None:
        """The server has the case's label."""
        self.case = replace(self.need(), state="labelled")
        self.batch = [case for case in self.batch if case.id != self.case.id]
        self._session.notify("case", "batch")

    @property
    def _strategy(self) -> str | None:
        return self._session.settings.get("strategy") or None

    def downloaded(self, client: Client, task: str, case: Case, labelled: bool, job: Job) -> tuple[Case, Path, Path | None]:
        image = unpack(client.download_image(case.id, self.folder, job), job)
        return case, image, client.download_label(task, case.id, self.folder, job) if labelled else None

    def _arrived(self, got: tuple[Case, Path, Path | None], edits: int, *, waits: bool = False) -> None:
        """Show a case that came, unless the one in hand was edited since so many edits; one that was handed out then waits."""
        try:
            self.keeping.check_since(edits, got[0])
        except ServerError:
            remove(got[1])
            if waits:
                self.batch = [got[0], *(case for case in self.batch if case.id != got[0].id)]
                self._session.notify("batch")
            raise
        self._show(*got)

    def _show(self, case: Case, image: Path, label: Path | None) -> None:
        session = self._session
        self.place(case, image)
        task, settings = session.need()[1], session.settings
        if label is not None:
            try:
                session.scene.show_labels(label, {entry.name: entry.value for entry in task.labels}, task.labels)
            finally:
                remove(label)
        elif task.kind == "segmentation" and task.available and settings.get("propose_on_load"):
            session.prediction.propose()
        elif task.kind == "segmentation":
            session.prediction.start_empty()
        if task.kind == "classification" and task.available and settings.get("classify_on_load"):
            session.prediction.classify()
        if settings.get("load_patient_images") and not session.missing("patients"):
            self.load_further()

    def place(self, case: Case, image: Path) -> None:
        """Have a downloaded case in the scene and in hand."""
        try:
            if self.case is None:
                self._session.scene.disown()
            self._session.scene.load_image(image, case.id)
        finally:
            remove(image)
        self._begin(case)

    def _begin(self, case: Case) -> None:
        self.keeping.clean()
        for name in ("proposal", "class", "map", "further"):
            self._session.background.cancel(name)
        self.batch = [waiting for waiting in self.batch if waiting.id != case.id]
        self.case = case
        self._reset()

    def _reset(self) -> None:
        self.checkpoint, self.comment, self.further = "", "", []
        self._session.prediction.reset()
        self._session.submission.reset()
        self._keep_in_scene()
        self._session.notify("case", "batch")

    def _got_batch(self, cases: list[Case]) -> None:
        in_hand = self.case.id if self.case is not None else None
        self.batch = [case for case in cases if case.id != in_hand]
        self._session.notify("batch")

    def _keep_in_scene(self) -> None:
        work = self.described()
        names = ("server", "task", "case", "checkpoint", "comment")
        self._session.scene.set(IN_SCENE, work and {name: getattr(work, name) for name in names})
