"""/api/v1/learning: what to annotate next and why, and where the cases of a task stand."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from crosslabel.server.learning_state import learning_state
from crosslabel.server.next_case import check_strategy, hand_out, release
from crosslabel.server.routes.dependencies import App, Audited, Learning, known_task
from crosslabel.server.routes.people import Who
from crosslabel.store import CaseRow, CaseState, Switch

router = APIRouter(prefix="/api/v1/learning", tags=["Learning"])

_MOST_AT_ONCE = 50
_LONGEST_PAGE = 1000


class NextCases(BaseModel):
    """How many cases somebody wants, by whose order; the task's own where none is named."""

    strategy: str | None = None
    count: int = Field(1, ge=1, le=_MOST_AT_ONCE)
    client_id: str | None = None


class Why(BaseModel):
    """Why a case was handed out: its score and rank among the ``of`` that wait, and a sentence for a clinician."""

    score: float | None
    rank: int | None
    of: int
    sentence: str
    strategy: str
    checkpoint: str | None


class HandedOutCase(BaseModel):
    """A case that nobody else gets until ``lease_expires``."""

    id: str
    lease_expires: datetime
    why: Why


class Handed(BaseModel):
    """Cases, the most wanted first, and how many wait in all, these included."""

    cases: list[HandedOutCase]
    left: int


class CaseOf(BaseModel):
    """A case that is given back, skipped, pinned or no longer pinned."""

    image: str
    reason: str = Field("", max_length=2000)
    pinned: bool = True
    client_id: str | None = None


class ListedCase(BaseModel):
    """A case and where it stands; ``author`` made its label or has it in hand."""

    id: str
    patient: str
    state: CaseState
    pinned: bool
    score: float | None
    rank: int | None
    author: str
    updated: datetime | None


class Cases(BaseModel):
    """One page of the cases that match, and how many match in all."""

    total: int
    cases: list[ListedCase]


class SwitchTo(BaseModel):
    """Where a task's switch is to stand."""

    switch: Switch
    client_id: str | None = None


@router.get("/{task}", summary="Where the learning of a task stands")
def state(app: App, learning: Learning, task: str) -> dict[str, Any]:
    """``estimate`` is the Dice (of a classification the accuracy) to be expected on the images without a label."""
    return learning_state(learning, app.tasks[known_task(app, task)])


@router.post("/{task}/switch", summary="Have a task learn by itself, pause, or stop")
def switch(app: App, learning: Learning, who: Who, task: str, to: SwitchTo) -> dict[str, Any]:
    """``paused`` and ``off`` end a round of the loop so that it can go on later; of a training that a person began, neither."""
    learning.set_switch(app.tasks[known_task(app, task)], to.switch, author=who.name(to.model_dump()))
    return {"switch": to.switch.value}


@router.post("/{task}/next", summary="The cases to annotate next, each leased for half an hour")
def next_cases(app: App, audited: Audited, who: Who, task: str, wanted: NextCases) -> Handed:
    """Whoever asks again gets what they hold already, after pinned cases; skip or release a case to be rid of it."""
    spec = app.tasks[known_task(app, task)]
    check_strategy(wanted.strategy, list(app.strategies))
    holder = who.name(wanted.model_dump())
    app.worked_on.add(task)
    given, left = hand_out(app.datastore(), spec, holder, strategy=wanted.strategy, count=wanted.count)
    audited.update(task=task, image_id=", ".join(case.lease.image_id for case in given))
    return Handed(
        cases=[HandedOutCase(id=one.lease.image_id, lease_expires=one.lease.expires, why=Why(**one.why)) for one in given],
        left=left,
    )


@router.post("/{task}/release", summary="Give a case back, so that others get it")
def give_back(app: App, audited: Audited, who: Who, task: str, case: CaseOf) -> dict[str, Any]:
    """``released`` is false where this person no longer had it."""
    spec = app.tasks[known_task(app, task)]
    audited.update(task=task, image_id=case.image)
    return {"released": release(app.datastore(), spec, case.image, who.name(case.model_dump()))}


@router.post("/{task}/skip", summary="Leave a case out of what is handed out, with a reason; pinning it brings it back")
def skip(app: App, audited: Audited, who: Who, task: str, case: CaseOf) -> dict[str, Any]:
    known_task(app, task)
    audited.update(task=task, image_id=case.image)
    author = who.name(case.model_dump())
    app.datastore().store.marks.skip(task, case.image, author=author, reason=case.reason)
    return {"skipped": True}


@router.post("/{task}/pin", summary="Have a case annotated before all others, or with pinned=false no longer so")
def pin(app: App, audited: Audited, who: Who, task: str, case: CaseOf) -> dict[str, Any]:
    """Either way a case that was skipped is offered again."""
    known_task(app, task)
    audited.update(task=task, image_id=case.image)
    author = who.name(case.model_dump())
    app.datastore().store.marks.pin(task, case.image, author=author, pinned=case.pinned)
    return {"pinned": case.pinned}


@router.get("/{task}/cases", summary="The cases of a task, sorted by id")
def cases(
    app: App,
    task: str,
    state: CaseState | None = None,
    text: Annotated[str, Query(max_length=200)] = "",
    offset: Annotated[int, Query(ge=0, lt=2**31)] = 0,
    limit: Annotated[int, Query(ge=1, le=_LONGEST_PAGE)] = 100,
) -> Cases:
    """``score`` and ``rank`` are those that the task's own strategy gave at the last look."""
    spec = app.tasks[known_task(app, task)]
    options = {"state": state, "text": text, "offset": offset, "limit": limit}
    strategy = spec.active_learning.strategy
    total, rows = app.datastore().store.cases.page(task, spec.eligible, strategy=strategy, **options)
    return Cases(total=total, cases=[_listed(row) for row in rows])


def _listed(row: CaseRow) -> ListedCase:
    return ListedCase(
        id=row.image_id,
        patient=row.patient,
        state=row.state,
        pinned=row.pinned,
        score=row.score,
        rank=row.rank,
        author=row.author,
        updated=row.updated,
    )
