"""All cases of a task with where they stand, page by page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from sqlalchemy import ColumnElement, and_, case, func, select

from crosslabel.store.database import Database
from crosslabel.store.labels import FINAL
from crosslabel.store.records import LabelState
from crosslabel.store.schema import images, labels, leases, marks, rankings
from crosslabel.store.waiting_queries import of_kinds
from crosslabel.store.worklist import Accepts, accepted_kinds, label_state


class CaseState(str, Enum):
    """Where a case stands. A returned label waits to be revised; ``LEASED`` and ``SKIPPED`` cases have none that stands."""

    UNLABELLED = "unlabelled"
    LABELLED = "labelled"
    RETURNED = "returned"
    LEASED = "leased"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class CaseRow:
    """One case of a task.

    Attributes:
        image_id: the image.
        patient: pseudonym.
        state: where it stands.
        pinned: whether it is wanted next.
        score: what the strategy gave it; None where it was not ranked.
        rank: its place in the strategy's order.
        author: who made its label, or has it; empty if nobody.
        updated: when its label was saved.
    """

    image_id: str
    patient: str
    state: CaseState
    pinned: bool
    score: float | None
    rank: int | None
    author: str
    updated: datetime | None


class CaseList:
    """The readable images that a task is for."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def page(
        self,
        task: str,
        accepts: Accepts,
        *,
        strategy: str = "",
        state: CaseState | None = None,
        text: str = "",
        offset: int = 0,
        limit: int = 100,
    ) -> tuple[int, list[CaseRow]]:
        """How many cases match, and some of them sorted by id.

        Args:
            task: name of the task.
            accepts: which kinds of image the task is for.
            strategy: whose scores and ranks are shown.
            state: only cases in this state.
            text: only cases whose id or patient holds it.
            offset: so many are passed over.
            limit: at most so many.
        """
        now = self._clock()
        stands = _state(task)
        columns = (
            images.c.id,
            images.c.patient,
            stands.label("stands"),
            func.coalesce(marks.c.pinned, False).label("pinned"),
            rankings.c.score,
            rankings.c.rank,
            leases.c.holder,
        )
        ranked = (rankings.c.task == task, rankings.c.strategy == strategy)
        joined = (
            images.outerjoin(marks, and_(marks.c.task == task, marks.c.image_id == images.c.id))
            .outerjoin(leases, and_(leases.c.task == task, leases.c.image_id == images.c.id, leases.c.expires > now))
            .outerjoin(rankings, and_(rankings.c.image_id == images.c.id, *ranked))
        )
        with self._database.reading() as connection:
            wanted = [of_kinds(accepted_kinds(connection, accepts))]
            if text:
                wanted.append(images.c.id.contains(text, autoescape=True) | images.c.patient.contains(text, autoescape=True))
            if state is not None:
                wanted.append(stands == state.value)
            total = connection.scalar(select(func.count()).select_from(joined).where(*wanted)) or 0
            query = select(*columns).select_from(joined).where(*wanted).order_by(images.c.id).offset(offset).limit(limit)
            rows = connection.execute(query).all()
            mine = (labels.c.task == task) & (labels.c.tag == FINAL) & (labels.c.state != LabelState.WITHDRAWN.value)
            shown = labels.c.image_id.in_([row.id for row in rows])
            saved = select(labels.c.image_id, labels.c.author, labels.c.created).where(mine, shown).order_by(labels.c.version)
            by_image = {row.image_id: row for row in connection.execute(saved)}
        return total, [
            CaseRow(
                image_id=row.id,
                patient=row.patient,
                state=CaseState(row.stands),
                pinned=bool(row.pinned),
                score=row.score,
                rank=row.rank,
                author=by_image[row.id].author if row.id in by_image else row.holder or "",
                updated=by_image[row.id].created if row.id in by_image else None,
            )
            for row in rows
        ]

    def counts(self, task: str, accepts: Accepts) -> dict[CaseState, int]:
        """How many cases are in each state."""
        now = self._clock()
        joined = images.outerjoin(marks, and_(marks.c.task == task, marks.c.image_id == images.c.id)).outerjoin(
            leases, and_(leases.c.task == task, leases.c.image_id == images.c.id, leases.c.expires > now)
        )
        stands = _state(task).label("stands")
        with self._database.reading() as connection:
            wanted = of_kinds(accepted_kinds(connection, accepts))
            query = select(stands, func.count()).select_from(joined).where(wanted).group_by(stands)
            found = {CaseState(row[0]): row[1] for row in connection.execute(query)}
        return {state: found.get(state, 0) for state in CaseState}


def _state(task: str) -> ColumnElement[str]:
    label = label_state(task)
    return case(
        (label == LabelState.RETURNED.value, CaseState.RETURNED.value),
        (label.is_not(None), CaseState.LABELLED.value),
        (func.coalesce(marks.c.skipped, False), CaseState.SKIPPED.value),
        (leases.c.holder.is_not(None), CaseState.LEASED.value),
        else_=CaseState.UNLABELLED.value,
    )
