"""Labels of (task, image) pairs, in versions that are never overwritten."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, update

from crosslabel.errors import CrossLabelError, ImageError, NotFoundError
from crosslabel.images.naming import suffix_of
from crosslabel.store.database import Database
from crosslabel.store.folders import Folders
from crosslabel.store.images import require_image
from crosslabel.store.label_rows import STANDING, Content, Origin, add_row, newest, next_version, reader, version_row
from crosslabel.store.records import ImageState, LabelRecord
from crosslabel.store.schema import images, labels, reviews
from crosslabel.store.staging import Staging
from crosslabel.tasks.settings import NAME_PATTERN

FINAL, ORIGINAL = "final", "original"
LABEL_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha", ".png")
_TASK = re.compile(NAME_PATTERN)
_TAG = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")


class Labels:
    """Saving labels and finding them.

    Versions of a pair of task and image count 1, 2, ... across all tags. The *current* label of a tag is its newest
    version that was not withdrawn.
    """

    def __init__(self, folders: Folders, database: Database, staging: Staging, clock: Callable[[], datetime]) -> None:
        self._folders = folders
        self._database = database
        self._staging = staging
        self._clock = clock
        self._record = reader(folders)

    def save_file(self, task: str, image_id: str, source: Path, origin: Origin, tag: str = FINAL) -> LabelRecord:
        """Copy a label file into the store; when this returns it survives a crash of process and machine.

        Args:
            task: name of the task.
            image_id: the image that it was drawn on.
            source: the file, checked by the caller; it is left where it is.
            origin: who made it and from what.
            tag: ``final`` for what a clinician stands for, ``original`` for a proposal.

        Raises:
            NotFoundError: there is no such image, or a parent does not exist.
            ImageError: the file's suffix is not one of a label.
            DiskFullError: nothing was saved.
        """
        check_names(task, tag)
        suffix = suffix_of(source)
        if suffix not in LABEL_SUFFIXES:
            raise ImageError(f"'{source.name}' is no label file; save it as {', '.join(LABEL_SUFFIXES)}.")
        with self._staging.copy_of(source) as staged, self._database.writing() as connection:
            require_image(connection, image_id)
            version = next_version(connection, task, image_id)
            place = self._folders.labels.joinpath(task, *image_id.split("/"), f"v{version}-{tag}{suffix}")
            staged.move_to(place)
            content = Content(staged.sha256, path=self._folders.relative(place))
            return self._record(add_row(connection, (task, image_id), version, tag, content, origin, self._clock()))

    def save_class(self, task: str, image_id: str, class_name: str, origin: Origin, tag: str = FINAL) -> LabelRecord:
        """Save the class of an image, which has no file.

        Raises:
            NotFoundError: there is no such image, or a parent does not exist.
        """
        (saved,) = self.save_classes(task, [(image_id, class_name, origin, tag)])
        return saved

    def save_classes(self, task: str, classes: Sequence[tuple[str, str, Origin, str]]) -> list[LabelRecord]:
        """Save the classes of several images, all of them or none.

        Args:
            task: name of the task.
            classes: id of the image, name of the class, where it comes from, and tag.

        Raises:
            NotFoundError: as :meth:`save_class`.
        """
        saved = []
        with self._database.writing() as connection:
            for image_id, class_name, origin, tag in classes:
                check_names(task, tag)
                if not class_name:
                    raise CrossLabelError("A class label needs the name of a class; choose one.")
                require_image(connection, image_id)
                version = next_version(connection, task, image_id)
                content = Content.of_class(class_name)
                saved.append(add_row(connection, (task, image_id), version, tag, content, origin, self._clock()))
        return [self._record(row) for row in saved]

    def revert(self, task: str, image_id: str, to_version: int, *, author: str, comment: str = "") -> LabelRecord:
        """Make the content of an earlier version the newest again, as a new version.

        Raises:
            NotFoundError: there is no such version.
        """
        old = self.get(task, image_id, to_version)
        origin = Origin(author, comment, old.proposal, old.params, (to_version,))
        return self.save_copy(task, image_id, to_version, origin, old.tag)

    def save_copy(self, task: str, image_id: str, of_version: int, origin: Origin, tag: str = FINAL) -> LabelRecord:
        """Save the content of an earlier version as a new one; a file is shared, for no version ever changes.

        Raises:
            NotFoundError: there is no such version, or a parent does not exist.
        """
        check_names(task, tag)
        with self._database.writing() as connection:
            require_image(connection, image_id)
            content = Content.of_row(version_row(connection, task, image_id, of_version))
            version = next_version(connection, task, image_id)
            return self._record(add_row(connection, (task, image_id), version, tag, content, origin, self._clock()))

    def merge_params(self, task: str, image_id: str, version: int, params: Mapping[str, Any]) -> None:
        """Add to, or replace in, what came with a version, such as a figure computed later; other keys stay.

        Raises:
            NotFoundError: there is no such version.
        """
        with self._database.writing() as connection:
            row = version_row(connection, task, image_id, version)
            connection.execute(update(labels).where(labels.c.id == row.id).values(params={**row.params, **params}))

    def current(self, task: str, image_id: str, tag: str = FINAL) -> LabelRecord | None:
        """The newest version of a tag that was not withdrawn."""
        wanted = (labels.c.task == task) & (labels.c.image_id == image_id) & (labels.c.tag == tag)
        standing = labels.c.state.in_([state.value for state in STANDING])
        query = select(labels).where(wanted, standing).order_by(labels.c.version.desc()).limit(1)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else self._record(row)

    def current_of_all(self, task: str, tag: str = FINAL) -> Sequence[LabelRecord]:
        """The current label of every image that has one, sorted by image."""
        with self._database.reading() as connection:
            return [self._record(row) for row in connection.execute(newest(STANDING, task, tag))]

    def get(self, task: str, image_id: str, version: int) -> LabelRecord:
        """One version, whatever its state.

        Raises:
            NotFoundError: there is no such version.
        """
        with self._database.reading() as connection:
            return self._record(version_row(connection, task, image_id, version))

    def by_id(self, label_id: int) -> LabelRecord:
        """One version by its number in the database.

        Raises:
            NotFoundError: there is none with this number.
        """
        with self._database.reading() as connection:
            row = connection.execute(select(labels).where(labels.c.id == label_id)).one_or_none()
        if row is None:
            raise NotFoundError(f"There is no label {label_id}; see the history of its task and image.")
        return self._record(row)

    def pairs(self, tag: str = FINAL) -> set[tuple[str, str]]:
        """The (task, image id) pairs that have a current label, of images that lie in the folder."""
        standing = labels.c.state.in_([state.value for state in STANDING])
        present = images.c.state != ImageState.MISSING.value
        query = select(labels.c.task, labels.c.image_id).distinct().join(images, images.c.id == labels.c.image_id)
        with self._database.reading() as connection:
            rows = connection.execute(query.where(labels.c.tag == tag, standing, present)).all()
        return {(row.task, row.image_id) for row in rows}

    def signature(self, task: str) -> tuple[object, ...]:
        """Values that are others after any label of the task was saved or judged, or a labelled image changed or went; for
        whoever has to look often."""
        newest = select(func.coalesce(func.max(labels.c.id), 0), func.count()).where(labels.c.task == task)
        judged = select(func.coalesce(func.max(reviews.c.id), 0))
        having = images.c.id.in_(select(labels.c.image_id).where(labels.c.task == task))
        states = select(images.c.state, func.count(), func.max(images.c.changed)).where(having).group_by(images.c.state)
        with self._database.reading() as connection:
            seen = [tuple(row) for row in connection.execute(states.order_by(images.c.state))]
            return (*connection.execute(newest).one(), connection.scalar(judged) or 0, *seen)

    def tasks(self) -> Sequence[str]:
        """Names of all tasks that have labels, sorted."""
        with self._database.reading() as connection:
            return sorted(connection.scalars(select(labels.c.task).distinct()))

    def history(self, task: str, image_id: str) -> Sequence[LabelRecord]:
        """All versions, oldest first, withdrawn ones too."""
        pair = (labels.c.task == task) & (labels.c.image_id == image_id)
        with self._database.reading() as connection:
            rows = connection.execute(select(labels).where(pair).order_by(labels.c.version)).all()
        return [self._record(row) for row in rows]

    def knows(self, image_id: str, sha256: str, task: str | None = None) -> bool:
        """Whether any version for this image has this content, of one task or of any."""
        query = select(labels.c.id).where(labels.c.image_id == image_id, labels.c.sha256 == sha256).limit(1)
        query = query if task is None else query.where(labels.c.task == task)
        with self._database.reading() as connection:
            return connection.scalar(query) is not None

    def tags_of(self, task: str) -> Sequence[str]:
        """The tags under which a task has labels, sorted."""
        query = select(labels.c.tag).where(labels.c.task == task).distinct().order_by(labels.c.tag)
        with self._database.reading() as connection:
            return list(connection.execute(query).scalars())

    def tasks_of(self, image_id: str) -> Sequence[tuple[str, str]]:
        """The (task, tag) pairs for which an image has a current label, sorted."""
        standing = labels.c.state.in_([state.value for state in STANDING])
        query = select(labels.c.task, labels.c.tag).where(labels.c.image_id == image_id, standing).distinct()
        with self._database.reading() as connection:
            return sorted((row.task, row.tag) for row in connection.execute(query))


def check_names(task: str, tag: str = FINAL) -> None:
    """Refuse names that could lead a path astray.

    Raises:
        CrossLabelError: so.
    """
    if not _TASK.fullmatch(task):
        raise CrossLabelError("The task's name holds lower-case letters, digits and '_' only; check it.")
    if not _TAG.match(tag):
        raise CrossLabelError("A label's tag holds letters, digits, '-' and '_' only; use 'final' or 'original'.")
