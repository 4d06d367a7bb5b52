"""Which images wait for a label of a task, in which order, and in whose hands they are; by queries, however many there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from math import inf

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, false, func, or_, select

from crosslabel.images import Modality
from crosslabel.store.database import Database
from crosslabel.store.labels import FINAL, check_names
from crosslabel.store.records import ImageState, LabelState, Lease
from crosslabel.store.schema import images, labels, leases, marks, rankings

Accepts = Callable[[int, Modality | None, str | None], object]
"""Whether a task is for images of this dimension, modality and sequence."""


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
            waits = self._waits(connection, task, accepts, holder)
            found = self._first(connection, task, holder, waits)
            ranked = _ranked(task, strategy, waits)
            # A strategy's whole order where the place in it of a case that comes first anyhow is wanted, too.
            rows = connection.execute(ranked if found else ranked.limit(limit))
            for rank, row in enumerate(rows, start=1):
                if row.id in found or len(found) < limit:
                    known = found.get(row.id, WaitingCase(row.id))
                    given = {"score": row.score, "sentence": row.sentence, "checkpoint": row.checkpoint}
                    found[row.id] = replace(known, rank=rank, **given)
            if len(found) < limit:
                order = func.random() if unranked is Unranked.RANDOM else images.c.id
                known = images.c.id.in_(list(found)) if found else false()
                others = select(images.c.id).where(waits, ~known).order_by(order).limit(limit - len(found))
                found.update({row.id: WaitingCase(row.id) for row in connection.execute(others)})
        return sorted(found.values(), key=_turn)[:limit]

    def left(self, task: str, accepts: Accepts, holder: str) -> int:
        """How many cases wait for somebody."""
        with self._database.reading() as connection:
            query = select(func.count()).select_from(images).where(self._waits(connection, task, accepts, holder))
            return connection.scalar(query) or 0

    def ids(self, task: str, accepts: Accepts) -> list[str]:
        """Images that wait, whoever holds them, sorted."""
        with self._database.reading() as connection:
            query = select(images.c.id).where(self._waits(connection, task, accepts, None)).order_by(images.c.id)
            return list(connection.scalars(query))

    def labelled(self, task: str, accepts: Accepts) -> list[str]:
        """Images with a final label that stands and was not sent back, sorted."""
        with self._database.reading() as connection:
            wanted = and_(accepted(connection, accepts), images.c.id.in_(_done(task)))
            return list(connection.scalars(select(images.c.id).where(wanted).order_by(images.c.id)))

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
            now = self._clock()
            free = set(connection.scalars(select(images.c.id).where(images.c.id.in_(wanted), self._open(task, holder, now))))
            taken = [image_id for image_id in wanted if image_id in free][:count]
            expires = now + timedelta(seconds=seconds)
            if taken:
                connection.execute(leases.delete().where(leases.c.task == task, leases.c.image_id.in_(taken)))
                rows = [{"task": task, "image_id": id, "holder": holder, "expires": expires} for id in taken]
                connection.execute(leases.insert(), rows)
        return [Lease(task, image_id, holder, expires) for image_id in taken]

    def _first(self, connection: Connection, task: str, holder: str, waits: ColumnElement[bool]) -> dict[str, WaitingCase]:
        """By id, what is pinned or in the holder's hands."""
        mine = and_(leases.c.task == task, leases.c.holder == holder, leases.c.expires > self._clock())
        # In two steps, for SQLite would go through all images for these few.
        pinned = set(connection.scalars(select(marks.c.image_id).where(marks.c.task == task, marks.c.pinned)))
        held = set(connection.scalars(select(leases.c.image_id).where(mine)))
        if not pinned | held:
            return {}
        wanted = select(images.c.id).where(images.c.id.in_(pinned | held), waits).order_by(images.c.id)
        return {id: WaitingCase(id, id in pinned, id in held) for id in connection.scalars(wanted)}

    def _waits(self, connection: Connection, task: str, accepts: Accepts, holder: str | None) -> ColumnElement[bool]:
        return and_(accepted(connection, accepts), self._open(task, holder, self._clock()))

    def _open(self, task: str, holder: str | None, now: datetime) -> ColumnElement[bool]:
        # Of sets that are found once, not of each image in turn.
        skipped = select(marks.c.image_id).where(marks.c.task == task, marks.c.skipped)
        closed = [_done(task), skipped]
        if holder is not None:
            theirs = and_(leases.c.task == task, leases.c.expires > now, leases.c.holder != holder)
            closed.append(select(leases.c.image_id).where(theirs))
        return and_(*(images.c.id.not_in(ids) for ids in closed))


def accepted(connection: Connection, accepts: Accepts) -> ColumnElement[bool]:
    """Images that can be read and are of a kind that is accepted; there are few kinds, so each is asked about once."""
    kinds = select(images.c.dimension, images.c.modality, images.c.sequence).distinct()
    rows = connection.execute(kinds.where(images.c.state == ImageState.READY.value, images.c.dimension.is_not(None))).all()
    wanted = [row for row in rows if accepts(row.dimension, row.modality and Modality(row.modality), row.sequence)]
    return and_(images.c.state == ImageState.READY.value, or_(false(), *(_of_kind(row) for row in wanted)))


def label_state(task: str) -> ColumnElement[str]:
    """Where the newest final label of an image stands that was not withdrawn; NULL where it has none."""
    mine = and_(labels.c.task == task, labels.c.image_id == images.c.id, labels.c.tag == FINAL)
    standing = labels.c.state != LabelState.WITHDRAWN.value
    newest = select(labels.c.state).where(mine, standing).order_by(labels.c.version.desc()).limit(1)
    return newest.correlate(images).scalar_subquery()


def _done(task: str) -> Select:
    """Ids of the images whose newest final label that was not withdrawn was not sent back either."""
    newer = labels.alias()
    final = and_(labels.c.task == task, labels.c.tag == FINAL)
    stands = labels.c.state.not_in([LabelState.WITHDRAWN.value, LabelState.RETURNED.value])
    returned = and_(newer.c.task == task, newer.c.tag == FINAL, newer.c.state == LabelState.RETURNED.value)
    later = and_(newer.c.image_id == labels.c.image_id, newer.c.version > labels.c.version)
    return select(labels.c.image_id).where(final, stands, ~select(newer.c.id).where(returned, later).exists())


def _ranked(task: str, strategy: str, waits: ColumnElement[bool]) -> Select:
    columns = (images.c.id, rankings.c.score, rankings.c.sentence, rankings.c.checkpoint)
    mine = and_(rankings.c.task == task, rankings.c.strategy == strategy)
    # An expression, which no index holds, makes SQLite go along the ranking and stop at the first few that wait.
    joined = rankings.join(images, images.c.id == rankings.c.image_id.concat(""))
    return select(*columns).select_from(joined).where(mine, waits).order_by(rankings.c.rank)


def _turn(case: WaitingCase) -> tuple[int, float]:
    """Sorts pinned cases before held ones, and these, the most wanted first, before others, which stay as they are."""
    if case.pinned or not case.held:
        return 0 if case.pinned else 2, 0.0
    return 1, inf if case.rank is None else case.rank


def _of_kind(row: Row | Sequence) -> ColumnElement[bool]:
    columns = (images.c.dimension, images.c.modality, images.c.sequence)
    return and_(*(column.is_(None) if value is None else column == value for column, value in zip(columns, row, strict=True)))
