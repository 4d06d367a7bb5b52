"""Whether a task may learn by itself; what a person switched outlives the server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import Enum

from sqlalchemy import select

from crosslabel.store.database import Database
from crosslabel.store.labels import check_names
from crosslabel.store.schema import switches


class Switch(str, Enum):
    """``ON``: learns when there is something to learn. ``PAUSED``: a running training holds its breath and none begins.
    ``OFF``: none begins by itself and a running one ends, to be resumed."""

    ON = "on"
    PAUSED = "paused"
    OFF = "off"


class Switches:
    """One switch for each task."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def get(self, task: str) -> Switch | None:
        """Where the switch stands; None where nobody has touched it."""
        with self._database.reading() as connection:
            found = connection.scalar(select(switches.c.switch).where(switches.c.task == task))
        return None if found is None else Switch(found)

    def set(self, task: str, switch: Switch, *, author: str) -> None:
        """Move it."""
        check_names(task)
        with self._database.writing() as connection:
            connection.execute(switches.delete().where(switches.c.task == task))
            row = {"task": task, "switch": switch.value, "author": author, "changed": self._clock()}
            connection.execute(switches.insert().values(row))
