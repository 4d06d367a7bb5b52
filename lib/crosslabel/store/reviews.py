"""Review of labels: verdicts, adjudication, and which labels train."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Row, select, update

from crosslabel.errors import CrossLabelError, NotFoundError
from crosslabel.store.database import Database
from crosslabel.store.errors import ConflictError
from crosslabel.store.folders import Folders
from crosslabel.store.label_rows import STANDING, Origin, newest, reader, version_row
from crosslabel.store.labels import FINAL, Labels
from crosslabel.store.records import LabelRecord, LabelState, Review, TrainingPolicy, Verdict
from crosslabel.store.schema import labels, reviews

_STATES = {
    Verdict.APPROVED: LabelState.APPROVED,
    Verdict.RETURNED: LabelState.RETURNED,
    Verdict.WITHDRAWN: LabelState.WITHDRAWN,
    Verdict.ADJUDICATED: LabelState.APPROVED,
}


class Reviews:
    """Verdicts about label versions; each is kept, and the last one says where the version stands."""

    def __init__(self, folders: Folders, database: Database, all_labels: Labels, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._labels = all_labels
        self._clock = clock
        self._record = reader(folders)

    def approve(self, task: str, image_id: str, version: int, *, reviewer: str, comment: str = "") -> LabelRecord:
        """Stand for a version.

        Raises:
            NotFoundError: there is no such version.
            ConflictError: it was withdrawn.
        """
        return self._judge(task, image_id, version, Verdict.APPROVED, reviewer, comment)

    def send_back(self, task: str, image_id: str, version: int, *, reviewer: str, comment: str) -> LabelRecord:
        """Ask for a better version; until there is one, the image does not train.

        Raises:
            CrossLabelError: the comment is empty.
            NotFoundError: there is no such version.
            ConflictError: it was withdrawn.
        """
        if not comment.strip():
            raise CrossLabelError("A label is sent back with a comment that says what to change; write one.")
        return self._judge(task, image_id, version, Verdict.RETURNED, reviewer, comment)

    def withdraw(self, task: str, image_id: str, *, reviewer: str, tag: str = FINAL, comment: str = "") -> int:
        """Leave an image without a current label of this tag; gives the number of versions withdrawn.

        All of them are, for an older one would come up in the place of the last; :meth:`Labels.revert` brings one back.

        Raises:
            NotFoundError: there is no current label of this tag.
        """
        pair = (labels.c.task == task) & (labels.c.image_id == image_id) & (labels.c.tag == tag)
        with self._database.writing() as connection:
            rows = connection.execute(select(labels).where(pair, labels.c.state != LabelState.WITHDRAWN.value)).all()
            if not rows:
                raise NotFoundError(f"Image '{image_id}' has no {tag} label for task {task}, so there is nothing to withdraw.")
            for row in rows:
                self._write(connection, row, Verdict.WITHDRAWN, reviewer, comment)
        return len(rows)

    def adjudicate(
        self, task: str, image_id: str, versions: Sequence[int], content: Path | int, *, reviewer: str, comment: str = ""
    ) -> LabelRecord:
        """Settle what annotators saw differently: a new, approved final version that names theirs as its parents.

        Args:
            task: name of the task.
            image_id: the image.
            versions: at least two that differ.
            content: the version that is right, or a merged label file.
            reviewer: who settles it.
            comment: why.

        Raises:
            CrossLabelError: fewer than two versions.
            NotFoundError: one of the versions does not exist.
        """
        if len(set(versions)) < 2:
            raise CrossLabelError("Adjudication settles between at least two versions; name them.")
        origin = Origin(reviewer, comment, parents=tuple(versions))
        if isinstance(content, Path):
            saved = self._labels.save_file(task, image_id, content, origin)
        else:
            saved = self._labels.save_copy(task, image_id, content, origin)
        return self._judge(task, image_id, saved.version, Verdict.ADJUDICATED, reviewer, comment)

    def history(self, task: str, image_id: str) -> Sequence[Review]:
        """All verdicts about the versions of a pair, oldest first."""
        pair = (labels.c.task == task) & (labels.c.image_id == image_id)
        query = select(labels.c.version, reviews).join(reviews, reviews.c.label_id == labels.c.id).where(pair)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(reviews.c.id)).all()
        return [Review(row.version, row.reviewer, Verdict(row.verdict), row.comment, row.created) for row in rows]

    def for_training(self, task: str, policy: TrainingPolicy = TrainingPolicy.FINAL, tag: str = FINAL) -> Sequence[LabelRecord]:
        """The labels of a tag that train, at most one for each image that lies in the folder, sorted by image.

        ``FINAL``: the current label, unless it was sent back. ``APPROVED``: the newest approved version.
        """
        states = STANDING if policy is TrainingPolicy.FINAL else (LabelState.APPROVED,)
        with self._database.reading() as connection:
            rows = connection.execute(newest(states, task, tag)).all()
        return [self._record(row) for row in rows if row.state != LabelState.RETURNED.value]

    def _judge(self, task: str, image_id: str, version: int, verdict: Verdict, reviewer: str, comment: str) -> LabelRecord:
        with self._database.writing() as connection:
            row = version_row(connection, task, image_id, version)
            if row.state == LabelState.WITHDRAWN.value:
                raise ConflictError(f"Version {version} was withdrawn; make it current again with a revert, then review it.")
            self._write(connection, row, verdict, reviewer, comment)
            return self._record(version_row(connection, task, image_id, version))

    def _write(self, connection: Connection, row: Row, verdict: Verdict, reviewer: str, comment: str) -> None:
        values = {"reviewer": reviewer, "verdict": verdict.value, "comment": comment, "created": self._clock()}
        connection.execute(reviews.insert().values(label_id=row.id, **values))
        connection.execute(update(labels).where(labels.c.id == row.id).values(state=_STATES[verdict].value))
