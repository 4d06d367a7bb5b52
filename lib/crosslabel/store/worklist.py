"""Which images wait for a label of a task, in which order, and in whose hands they are; by queries, however many there are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from math import inf
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, select

from crosslabel.images import Modality
from crosslabel.store import waiting_queries as queries
from crosslabel.store.database import Database
from crosslabel.store.labels import FINAL, check_names
from crosslabel.store.records import LabelState, Lease
from crosslabel.store.schema import images, labels
from crosslabel.store.waiting_queries import Kind, Kinds

Accepts = Callable[[int, Modality | None, str | None], object]
"""Whether a task is for images of this dimension, modality and sequence."""

_DRAWN_FOR_EACH = 8


class Unranked(str, Enum):
    """The order of images that no strategy has ranked."""

    RANDOM = "random"
    BY_ID = "by id"


@dataclass(frozen=True)
class WaitingCase:
    """An image to annotate.

    Attributes:
        image_id: the image.
        pinned: somebody wants it next.
        held: whoever asks has it already.
        rank: its place in the strategy's order of the images that wait, from 1; None where it is not in that order.
        score: what the strategy gave it.
        sentence: why, for a person.
        checkpoint: whose opinion of the image that was.
    """

    image_id: str
    pinned: bool = False
    held: bool = False
    rank: int | None = None
    score: float | None = None
    sentence: str = ""
    checkpoint: str = ""


class Worklist:
    """The images that wait for a label: readable, of a kind that the task is for, without a final label that stands
    (one that was sent back waits again), not skipped, and in nobody else's hands."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def waiting(
        self,
        task: str,
        accepts: Accepts,
        holder: str,
        *,
        strategy: str = "",
        unranked: Unranked = Unranked.RANDOM,
        limit: int = 1,
    ) -> list[WaitingCase]:
        """The cases to hand out first: pinned ones, those that the holder has already, then in the order of a strategy, then
        those that it has not ranked.

        Args:
            task: name of the task.
            accepts: which kinds of image the task is for.
            holder: who asks.
            strategy: whose order; empty for none.
            unranked: order of the others.
            limit: at most so many.
        """
        with self._database.reading() as connection:
            kinds = tuple(accepted_kinds(connection, accepts))
            asking = self._asking(task, holder)
            found = _first(connection, kinds, asking)
            # A strategy's whole order where the place in it of a case that comes first anyhow is wanted, too.
            order = queries.ranked(kinds, limited=not found)
            rows = connection.execute(order, {**asking, "strategy": strategy, "limit": limit})
            for rank, row in enumerate(rows, start=1):
                if row.id in found or len(found) < limit:
                    known = found.get(row.id, WaitingCase(row.id))
                    given = {"score": row.score, "sentence": row.sentence, "checkpoint": row.checkpoint}
                    found[row.id] = replace(known, rank=rank, **given)
            if len(found) < limit:
                others = _others(connection, kinds, asking, found, limit - len(found), unranked)
                found.update({id: WaitingCase(id) for id in others})
        return sorted(found.values(), key=_turn)[:limit]

    def left(self, task: str, accepts: Accepts, holder: str) -> int:
        """How many cases wait for somebody."""
        with self._database.reading() as connection:
            counts = accepted_kinds(connection, accepts)
            closed = connection.scalar(queries.count_closed(tuple(counts)), self._asking(task, holder)) or 0
            return sum(counts.values()) - closed

    def ids(self, task: str, accepts: Accepts) -> list[str]:
        """Images that wait, whoever holds them, sorted."""
        with self._database.reading() as connection:
            query = queries.waiting_ids(tuple(accepted_kinds(connection, accepts)))
            return list(connection.scalars(query, {"task": task}))

    def labelled(self, task: str, accepts: Accepts) -> list[str]:
        """Images with a final label that stands and was not sent back, sorted."""
        with self._database.reading() as connection:
            query = queries.labelled_ids(tuple(accepted_kinds(connection, accepts)))
            return list(connection.scalars(query, {"task": task}))

    def acquire(self, task: str, image_ids: Iterable[str], holder: str, seconds: float, count: int) -> list[Lease]:
        """Take the first ``count`` of some images that wait still and that nobody else has; none is taken by two.

        Args:
            task: name of the task.
            image_ids: the most wanted first.
            holder: who takes them.
            seconds: for how long.
            count: at most so many.
        """
        check_names(task)
        wanted = list(image_ids)
        with self._database.writing() as connection:
            asking = self._asking(task, holder)
            free = set(connection.scalars(queries.OPEN_AMONG, {**asking, "wanted": wanted}))
            taken = [image_id for image_id in wanted if image_id in free][:count]
            expires = asking["now"] + timedelta(seconds=seconds)
            if taken:
                connection.execute(queries.DROP_LEASES, {"task": task, "wanted": taken})
                rows = [{"task": task, "image_id": id, "holder": holder, "expires": expires} for id in taken]
                connection.execute(queries.ADD_LEASES, rows)
        return [Lease(task, image_id, holder, expires) for image_id in taken]

    def _asking(self, task: str, holder: str) -> dict[str, Any]:
        return {"task": task, "holder": holder, "now": self._clock()}


def accepted_kinds(connection: Connection, accepts: Accepts) -> dict[Kind, int]:
    """How many images there are of each kind that is accepted; there are few kinds, so each is asked about once."""
    return {
        (row.dimension, row.modality, row.sequence): row.count
        for row in connection.execute(queries.KINDS)
        if accepts(row.dimension, row.modality and Modality(row.modality), row.sequence)
    }


def label_state(task: str) -> ColumnElement[str]:
    """Where the newest final label of an image stands that was not withdrawn; NULL where it has none."""
    mine = and_(labels.c.task == task, labels.c.image_id == images.c.id, labels.c.tag == FINAL)
    standing = labels.c.state != LabelState.WITHDRAWN.value
    newest = select(labels.c.state).where(mine, standing).order_by(labels.c.version.desc()).limit(1)
    return newest.correlate(images).scalar_subquery()


def _first(connection: Connection, kinds: Kinds, asking: Mapping[str, Any]) -> dict[str, WaitingCase]:
    """By id, what is pinned or in the hands of whoever asks."""
    # In two steps, for SQLite would go through all images for these few.
    pinned = set(connection.scalars(queries.PINNED, asking))
    held = set(connection.scalars(queries.HELD, asking))
    if not pinned | held:
        return {}
    among = connection.scalars(queries.waiting_among(kinds), {**asking, "wanted": list(pinned | held)})
    return {id: WaitingCase(id, id in pinned, id in held) for id in among}


def _others(
    connection: Connection, kinds: Kinds, asking: Mapping[str, Any], known: Collection[str], limit: int, order: Unranked
) -> Sequence[str]:
    """Images that wait beside the known ones."""
    if order is Unranked.RANDOM:
        # While most images wait, it is quicker to draw some and to ask which of these do.
        drawn = list(connection.scalars(queries.drawn(kinds), {"limit": _DRAWN_FOR_EACH * limit}))
        wait = set(connection.scalars(queries.OPEN_AMONG, {**asking, "wanted": drawn}))
        found = [id for id in drawn if id in wait and id not in known][:limit]
        if len(found) == limit:
            return found
    others = queries.others(kinds, at_random=order is Unranked.RANDOM)
    return list(connection.scalars(others, {**asking, "known": list(known), "limit": limit}))


def _turn(case: WaitingCase) -> tuple[int, float]:
    """Sorts pinned cases before held ones, and these, the most wanted first, before others, which stay as they are."""
    if case.pinned or not case.held:
        return 0 if case.pinned else 2, 0.0
    return 1, inf if case.rank is None else case.rank
