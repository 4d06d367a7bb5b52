"""Numbers that checkpoints give to (task, image) pairs, such as how unsure they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy import select

from crosslabel.errors import CrossLabelError
from crosslabel.store.database import Database
from crosslabel.store.images import require_image
from crosslabel.store.labels import check_names
from crosslabel.store.records import Score
from crosslabel.store.schema import scores


class Scores:
    """The last value of each name for each pair."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def set(self, task: str, name: str, values: Mapping[str, float], checkpoint: str = "") -> None:
        """Set one score of any number of images, all or none.

        Args:
            task: name of the task.
            name: of the score, such as ``entropy``.
            values: by image id; finite.
            checkpoint: name of the checkpoint that gave them.

        Raises:
            CrossLabelError: a value is not finite.
            NotFoundError: an image does not exist.
        """
        check_names(task)
        unusable = next((image_id for image_id, value in values.items() if not math.isfinite(value)), None)
        if unusable is not None:
            raise CrossLabelError(f"The score '{name}' of image '{unusable}' is not a finite number; leave it out.")
        with self._database.writing() as connection:
            for image_id, value in values.items():
                require_image(connection, image_id)
                pair = (scores.c.task == task) & (scores.c.image_id == image_id) & (scores.c.name == name)
                new = {"value": value, "checkpoint": checkpoint, "updated": self._clock()}
                if connection.execute(scores.update().where(pair).values(new)).rowcount == 0:
                    connection.execute(scores.insert().values(task=task, image_id=image_id, name=name, **new))

    def get(self, task: str, name: str) -> dict[str, Score]:
        """One score of all images that have it, by image id."""
        query = select(scores).where(scores.c.task == task, scores.c.name == name)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return {row.image_id: Score(row.image_id, row.name, row.value, row.checkpoint, row.updated) for row in rows}

    def of_image(self, task: str, image_id: str) -> dict[str, Score]:
        """All scores of one image, by name."""
        query = select(scores).where(scores.c.task == task, scores.c.image_id == image_id)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return {row.name: Score(row.image_id, row.name, row.value, row.checkpoint, row.updated) for row in rows}
