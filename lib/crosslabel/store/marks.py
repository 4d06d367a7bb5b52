"""What people said about whether an image is to be annotated: pinned to the front, or skipped."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, select, update

from crosslabel.store.database import Database
from crosslabel.store.images import require_image
from crosslabel.store.labels import check_names
from crosslabel.store.schema import leases, marks


class Marks:
    """One mark for each pair of task and image; a pinned image is not skipped, and a skipped one not pinned."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def pin(self, task: str, image_id: str, *, author: str, pinned: bool = True) -> None:
        """Have an image annotated before all others, or no longer so.

        Raises:
            NotFoundError: there is no such image.
        """
        self._set(task, image_id, author, pinned=pinned, skipped=False, reason="")

    def skip(self, task: str, image_id: str, *, author: str, reason: str = "", skipped: bool = True) -> None:
        """Leave an image out of what is handed out, and give it back if somebody has it; or offer it again.

        Raises:
            NotFoundError: there is no such image.
        """
        self._set(task, image_id, author, pinned=False, skipped=skipped, reason=reason)

    def skipped(self, task: str) -> dict[str, str]:
        """Why, by the id of each image that is skipped."""
        with self._database.reading() as connection:
            query = select(marks.c.image_id, marks.c.reason).where(marks.c.task == task, marks.c.skipped)
            return {row.image_id: row.reason for row in connection.execute(query)}

    def _set(self, task: str, image_id: str, author: str, *, pinned: bool, skipped: bool, reason: str) -> None:
        check_names(task)
        values = {"pinned": pinned, "skipped": skipped, "reason": reason, "author": author, "updated": self._clock()}
        with self._database.writing() as connection:
            require_image(connection, image_id)
            _write(connection, task, image_id, values)
            if skipped:
                connection.execute(leases.delete().where(leases.c.task == task, leases.c.image_id == image_id))


def _write(connection: Connection, task: str, image_id: str, values: dict) -> None:
    pair = (marks.c.task == task) & (marks.c.image_id == image_id)
    if connection.execute(update(marks).where(pair).values(values)).rowcount == 0:
        connection.execute(marks.insert().values(task=task, image_id=image_id, **values))
