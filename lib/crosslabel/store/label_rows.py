"""Label versions as rows: finding them, and adding one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from crosslabel.errors import NotFoundError
from crosslabel.store.folders import Folders
from crosslabel.store.records import ImageState, LabelRecord, LabelState
from crosslabel.store.schema import images, labels

STANDING = tuple(state for state in LabelState if state is not LabelState.WITHDRAWN)


@dataclass(frozen=True)
class Content:
    """What a label says: a file in the studies folder, or a class.

    Args:
        sha256: of the file's bytes, or of the class name.
        path: relative to the studies folder; None for a class.
        class_name: None for a file.
    """

    sha256: str
    path: str | None = None
    class_name: str | None = None

    @classmethod
    def of_class(cls, name: str) -> Content:
        return cls(hashlib.sha256(name.encode()).hexdigest(), class_name=name)

    @classmethod
    def of_row(cls, row: Row) -> Content:
        return cls(row.sha256, row.path, row.class_name)


@dataclass(frozen=True)
class Origin:
    """Where a label comes from.

    Args:
        author: who saved it.
        comment: of the author.
        proposal: name of the checkpoint whose proposal it started from.
        params: JSON values that came with it.
        parents: versions of the same task and image that it was made from.
    """

    author: str
    comment: str = ""
    proposal: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    parents: tuple[int, ...] = ()


def next_version(connection: Connection, task: str, image_id: str) -> int:
    """The number that the next version gets; it stays free until the writing transaction ends."""
    pair = (labels.c.task == task) & (labels.c.image_id == image_id)
    return 1 + (connection.scalar(select(func.max(labels.c.version)).where(pair)) or 0)


def version_row(connection: Connection, task: str, image_id: str, version: int) -> Row:
    """One version.

    Raises:
        NotFoundError: there is none with this number.
    """
    wanted = (labels.c.task == task) & (labels.c.image_id == image_id) & (labels.c.version == version)
    row = connection.execute(select(labels).where(wanted)).one_or_none()
    if row is None:
        raise NotFoundError(f"Image '{image_id}' has no version {version} of a label for task {task}; see its history.")
    return row


def add_row(
    connection: Connection,
    pair: tuple[str, str],
    version: int,
    tag: str,
    content: Content,
    origin: Origin,
    created: datetime,
) -> Row:
    """Add a version of the label of ``pair``, which is (task, image id).

    Raises:
        NotFoundError: one of its parents does not exist.
    """
    task, image_id = pair
    for parent in origin.parents:
        version_row(connection, task, image_id, parent)
    values = {
        "task": task,
        "image_id": image_id,
        "version": version,
        "tag": tag,
        "path": content.path,
        "class_name": content.class_name,
        "sha256": content.sha256,
        "author": origin.author,
        "comment": origin.comment,
        "proposal": origin.proposal,
        "params": dict(origin.params),
        "parents": list(origin.parents),
        "state": LabelState.SUBMITTED.value,
        "created": created,
    }
    return connection.execute(labels.insert().values(values).returning(*labels.c)).one()


def newest(states: Sequence[LabelState], task: str, tag: str) -> Select:
    """Rows of the newest version in any of ``states`` of each image that lies in the folder, by image."""
    wanted = (labels.c.task == task) & (labels.c.tag == tag) & labels.c.state.in_([state.value for state in states])
    latest = (
        select(labels.c.image_id, func.max(labels.c.version).label("version"))
        .where(wanted)
        .group_by(labels.c.image_id)
        .subquery()
    )
    same = (labels.c.image_id == latest.c.image_id) & (labels.c.version == latest.c.version) & (labels.c.task == task)
    present = select(images.c.id).where(images.c.state != ImageState.MISSING.value)
    return select(labels).join(latest, same).where(labels.c.image_id.in_(present)).order_by(labels.c.image_id)


def reader(folders: Folders) -> Callable[[Row], LabelRecord]:
    """From a row to a record with absolute paths."""

    def record(row: Row) -> LabelRecord:
        return LabelRecord(
            id=row.id,
            task=row.task,
            image_id=row.image_id,
            version=row.version,
            tag=row.tag,
            path=None if row.path is None else folders.absolute(row.path),
            class_name=row.class_name,
            sha256=row.sha256,
            author=row.author,
            comment=row.comment,
            proposal=row.proposal,
            params=row.params,
            parents=tuple(row.parents),
            state=LabelState(row.state),
            created=row.created,
        )

    return record
