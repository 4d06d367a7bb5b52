"""Who is working on which image, so that two never get the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection, Row, select

from crosslabel.store.database import Database
from crosslabel.store.images import require_image
from crosslabel.store.labels import check_names
from crosslabel.store.records import Lease
from crosslabel.store.schema import leases


class Leases:
    """Images handed out for a task until a time; whoever has one may renew it, and it ends by itself."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def acquire(self, task: str, image_id: str, holder: str, seconds: float) -> Lease | None:
        """Take or renew an image; None while another has it.

        Raises:
            NotFoundError: there is no such image.
        """
        check_names(task)
        with self._database.writing() as connection:
            now = self._clock()
            if any(row.image_id == image_id and row.holder != holder for row in self._standing(connection, task, now)):
                return None
            require_image(connection, image_id)
            lease = Lease(task, image_id, holder, now + timedelta(seconds=seconds))
            connection.execute(leases.delete().where(leases.c.task == task, leases.c.image_id == image_id))
            connection.execute(leases.insert().values(task=task, image_id=image_id, holder=holder, expires=lease.expires))
            return lease

    def release(self, task: str, image_id: str, holder: str) -> bool:
        """Give an image back; False where this holder no longer had it."""
        mine = (leases.c.task == task) & (leases.c.image_id == image_id) & (leases.c.holder == holder)
        with self._database.writing() as connection:
            return connection.execute(leases.delete().where(mine)).rowcount > 0

    def held(self, task: str) -> dict[str, Lease]:
        """The leases that stand now, by image id."""
        with self._database.reading() as connection:
            rows = self._standing(connection, task, self._clock())
        return {row.image_id: Lease(row.task, row.image_id, row.holder, row.expires) for row in rows}

    def _standing(self, connection: Connection, task: str, now: datetime) -> list[Row]:
        return list(connection.execute(select(leases).where(leases.c.task == task, leases.c.expires > now)))
