"""The queries behind the work list. Each is built once and then given its values, for building one takes longer than
answering it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TypeAlias

from sqlalchemy import ColumnElement, Select, and_, bindparam, false, func, or_, select, union

from crosslabel.store.labels import FINAL
from crosslabel.store.records import ImageState, LabelState
from crosslabel.store.schema import images, labels, leases, marks, rankings

Kind: TypeAlias = tuple[int, str | None, str | None]
"""A kind of image: dimension, modality and sequence."""
Kinds: TypeAlias = tuple[Kind, ...]

# Each task accepts its own kinds, and studies have few.
_MOST_KINDS = 64
_TASK, _HOLDER, _NOW = bindparam("task"), bindparam("holder"), bindparam("now")
_WANTED = bindparam("wanted", expanding=True)

_KIND = (images.c.dimension, images.c.modality, images.c.sequence)

KINDS = (
    select(*_KIND, func.count().label("count"))
    .where(images.c.state == ImageState.READY.value, images.c.dimension.is_not(None))
    .group_by(*_KIND)
)
"""The kinds of the images that can be read, and how many there are of each."""

PINNED = select(marks.c.image_id).where(marks.c.task == _TASK, marks.c.pinned)
HELD = select(leases.c.image_id).where(leases.c.task == _TASK, leases.c.holder == _HOLDER, leases.c.expires > _NOW)


def of_kinds(kinds: Iterable[Kind]) -> ColumnElement[bool]:
    """Images that can be read and are of some kinds."""
    each = [
        and_(*(column.is_(None) if value is None else column == value for column, value in zip(_KIND, kind, strict=True)))
        for kind in kinds
    ]
    return and_(images.c.state == ImageState.READY.value, or_(false(), *each))


@lru_cache(_MOST_KINDS)
def waiting_ids(kinds: Kinds) -> Select:
    """Ids of the images that wait, whoever holds them, sorted; value: ``task``."""
    return select(images.c.id).where(_waits(kinds, whoever=True)).order_by(images.c.id)


@lru_cache(_MOST_KINDS)
def count_closed(kinds: Kinds) -> Select:
    """How many wait no longer for a holder; values: ``task``, ``holder`` and ``now``.

    What waits is the rest of its kinds, whose number :data:`KINDS` tells, so that nobody goes through all images.
    """
    closed = union(_done(), _skipped(), _theirs()).subquery()
    joined = images.join(closed, images.c.id == closed.c.image_id)
    return select(func.count()).select_from(joined).where(of_kinds(kinds))


@lru_cache(_MOST_KINDS)
def waiting_among(kinds: Kinds) -> Select:
    """Those of the ``wanted`` that wait, sorted; other values as of :func:`count_closed`."""
    return select(images.c.id).where(images.c.id.in_(_WANTED), _waits(kinds)).order_by(images.c.id)


@lru_cache(_MOST_KINDS)
def ranked(kinds: Kinds, *, limited: bool) -> Select:
    """Those that a ``strategy`` has ranked, by rank, the first ``limit``; other values as of :func:`count_closed`."""
    columns = (images.c.id, rankings.c.score, rankings.c.sentence, rankings.c.checkpoint)
    mine = and_(rankings.c.task == _TASK, rankings.c.strategy == bindparam("strategy"))
    # An expression, which no index holds, makes SQLite go along the ranking and stop at the first few that wait.
    joined = rankings.join(images, images.c.id == rankings.c.image_id.concat(""))
    if not limited:
        return select(*columns).select_from(joined).where(mine, _waits(kinds)).order_by(rankings.c.rank)
    # Each image in turn, for few are looked at.
    closed = [~ids.correlate(images).exists() for ids in _closed(lambda column: column == images.c.id)]
    query = select(*columns).select_from(joined).where(mine, of_kinds(kinds), *closed)
    return query.order_by(rankings.c.rank).limit(bindparam("limit"))


@lru_cache(_MOST_KINDS)
def others(kinds: Kinds, *, at_random: bool) -> Select:
    """Waiting images beside the ``known``, ``limit`` of them; other values as of :func:`count_closed`."""
    unknown = images.c.id.not_in(bindparam("known", expanding=True))
    order = func.random() if at_random else images.c.id
    return select(images.c.id).where(_waits(kinds), unknown).order_by(order).limit(bindparam("limit"))


@lru_cache(_MOST_KINDS)
def drawn(kinds: Kinds) -> Select:
    """``limit`` images by chance, whether they wait or not."""
    return select(images.c.id).where(of_kinds(kinds)).order_by(func.random()).limit(bindparam("limit"))


@lru_cache(_MOST_KINDS)
def labelled_ids(kinds: Kinds) -> Select:
    """Images with a final label that stands and was not sent back, sorted; value: ``task``."""
    return select(images.c.id).where(of_kinds(kinds), images.c.id.in_(_done())).order_by(images.c.id)


def _waits(kinds: Kinds, *, whoever: bool = False) -> ColumnElement[bool]:
    closed = [_done(), _skipped()] if whoever else [_done(), _skipped(), _theirs()]
    # Of sets that are found once, not of each image in turn.
    return and_(of_kinds(kinds), *(images.c.id.not_in(ids) for ids in closed))


def _done() -> Select:
    """Ids of the images whose newest final label that was not withdrawn was not sent back either."""
    newer = labels.alias()
    final = and_(labels.c.task == _TASK, labels.c.tag == FINAL)
    stands = labels.c.state.not_in([LabelState.WITHDRAWN.value, LabelState.RETURNED.value])
    returned = and_(newer.c.task == _TASK, newer.c.tag == FINAL, newer.c.state == LabelState.RETURNED.value)
    later = and_(newer.c.image_id == labels.c.image_id, newer.c.version > labels.c.version)
    return select(labels.c.image_id).where(final, stands, ~select(newer.c.id).where(returned, later).exists())


def _skipped() -> Select:
    return select(marks.c.image_id).where(marks.c.task == _TASK, marks.c.skipped)


def _theirs() -> Select:
    return select(leases.c.image_id).where(leases.c.task == _TASK, leases.c.expires > _NOW, leases.c.holder != _HOLDER)


def _closed(narrow: Callable[[ColumnElement[str]], ColumnElement[bool]]) -> list[Select]:
    """Ids of the images that are done, skipped or in others' hands, of those that a condition on the id leaves."""
    return [
        _done().where(narrow(labels.c.image_id)),
        _skipped().where(narrow(marks.c.image_id)),
        _theirs().where(narrow(leases.c.image_id)),
    ]


def _open_among() -> Select:
    """Those of the ``wanted`` that nothing closes, of whatever kind."""
    closed = _closed(lambda column: column.in_(_WANTED))
    return select(images.c.id).where(images.c.id.in_(_WANTED), *(images.c.id.not_in(ids) for ids in closed))


OPEN_AMONG = _open_among()
DROP_LEASES = leases.delete().where(leases.c.task == _TASK, leases.c.image_id.in_(_WANTED))
ADD_LEASES = leases.insert()
