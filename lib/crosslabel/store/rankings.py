"""The order in which each strategy would have the images of a task annotated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from crosslabel.store.database import Database
from crosslabel.store.labels import check_names
from crosslabel.store.schema import images, rankings


@dataclass(frozen=True)
class Ranked:
    """An image in a strategy's order.

    Attributes:
        image_id: the image.
        score: what the strategy gave it; None where it gives none.
        sentence: why it stands there, for a person.
    """

    image_id: str
    score: float | None
    sentence: str


class Rankings:
    """The last order of each (task, strategy) pair."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def replace(self, task: str, strategy: str, order: Sequence[Ranked], checkpoint: str = "") -> None:
        """Put a new order, best first, in the place of the last; images that are gone are left out."""
        check_names(task)
        mine = (rankings.c.task == task) & (rankings.c.strategy == strategy)
        with self._database.writing() as connection:
            known = set(connection.scalars(select(images.c.id)))
            connection.execute(rankings.delete().where(mine))
            rows = [
                {
                    "task": task,
                    "strategy": strategy,
                    "image_id": ranked.image_id,
                    "rank": rank,
                    "score": ranked.score,
                    "sentence": ranked.sentence,
                    "checkpoint": checkpoint,
                }
                for rank, ranked in enumerate(order, start=1)
                if ranked.image_id in known
            ]
            if rows:
                connection.execute(rankings.insert(), rows)

    def checkpoint(self, task: str, strategy: str) -> str | None:
        """Whose opinion the order stands on; None where there is no order."""
        mine = (rankings.c.task == task) & (rankings.c.strategy == strategy)
        # All of an order have the same one; asked for with each case, so not by going through all of them.
        query = select(rankings.c.checkpoint).where(mine).limit(1)
        with self._database.reading() as connection:
            return connection.scalar(query)

    def get(self, task: str, strategy: str) -> list[Ranked]:
        """The whole order, best first."""
        query = select(rankings).where(rankings.c.task == task, rankings.c.strategy == strategy).order_by(rankings.c.rank)
        with self._database.reading() as connection:
            return [Ranked(row.image_id, row.score, row.sentence) for row in connection.execute(query)]
