"""Handing out the cases to annotate next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crosslabel.errors import NotFoundError
from crosslabel.learning.pool_scan import strategies_of
from crosslabel.server.studies import Studies
from crosslabel.store import Lease, Unranked, WaitingCase
from crosslabel.tasks import TaskSpec

LEASE_SECONDS = 30 * 60
_UNRANKED = {"random": Unranked.RANDOM, "first": Unranked.BY_ID}
# How many candidates are looked at beyond those asked for, in case some cannot be read or go to somebody else.
_SPARE = 4
_MOST_ATTEMPTS = 25


@dataclass(frozen=True)
class HandedOut:
    """A case in somebody's hands, and why.

    Attributes:
        case: from the work list.
        lease: until when it is theirs.
        why: for a client, JSON values.
    """

    case: WaitingCase
    lease: Lease
    why: dict[str, Any]


def hand_out(
    studies: Studies, task: TaskSpec, holder: str, *, strategy: str | None = None, count: int = 1
) -> tuple[list[HandedOut], int]:
    """Lease the most wanted cases that can be read, and say how many wait in all.

    Args:
        studies: where they lie.
        task: what they are annotated for.
        holder: who gets them.
        strategy: by whose order; the task's if None.
        count: at most so many.
    """
    name = strategy or task.active_learning.strategy
    worklist = studies.store.worklist
    unranked = _UNRANKED.get(name, Unranked.RANDOM)
    ranked = "" if name in _UNRANKED else name
    cases: dict[str, WaitingCase] = {}
    leases: list[Lease] = []
    for attempt in range(_MOST_ATTEMPTS):
        options = {"strategy": ranked, "unranked": unranked, "limit": count + _SPARE}
        waiting = worklist.waiting(task.name, task.eligible, holder, **options)
        # One that cannot be read is found out here and waits no longer, so the next attempt meets others. No more are read than
        # are wanted, and one more each time that somebody else was quicker.
        cases = {case.image_id: case for case in waiting}
        readable = studies.readable(list(cases), count + attempt)
        leases = worklist.acquire(task.name, readable, holder, LEASE_SECONDS, count)
        if len(leases) >= min(count, len(waiting)):
            break
    # After the look at the candidates, for those that cannot be read do not wait.
    left = worklist.left(task.name, task.eligible, holder)
    given = [(cases[lease.image_id], lease) for lease in leases]
    unexplained = any(not case.sentence for case, _ in given)
    drawn = _drawn(studies, task, name, left) if unexplained else ""
    return [HandedOut(case, lease, _why(case, name, left, drawn)) for case, lease in given], left


def release(studies: Studies, task: TaskSpec, image_id: str, holder: str) -> bool:
    """Give a case back, so that others get it; False where this person no longer had it.

    Raises:
        NotFoundError: there is no such image.
    """
    studies.store.images.get(image_id)
    return studies.store.leases.release(task.name, image_id, holder)


def check_strategy(name: str | None, known: list[str]) -> None:
    """Raises NotFoundError for a strategy that is not offered."""
    if name is not None and name not in known:
        raise NotFoundError(f"There is no strategy '{name}' here; this server has: {', '.join(known)}.")


def _why(case: WaitingCase, strategy: str, left: int, drawn: str) -> dict[str, Any]:
    """Score, rank and a sentence for a clinician."""
    return {
        "score": case.score,
        "rank": case.rank,
        "of": left,
        "sentence": _sentence(case, left, drawn),
        "strategy": strategy,
        "checkpoint": case.checkpoint or None,
    }


def _sentence(case: WaitingCase, left: int, drawn: str) -> str:
    if case.pinned:
        return "Somebody has pinned it to be annotated next."
    # What was said of it beside others no longer holds.
    if left == 1:
        return "It is the only image that waits."
    if case.held and not case.sentence:
        return "It was handed to you before and waits for your label."
    return case.sentence or drawn


def _drawn(studies: Studies, task: TaskSpec, strategy: str, left: int) -> str:
    """How a case was chosen that is not in the strategy's order."""
    if strategy == "first":
        return f"It is the first by name of the {left} images that wait."
    drawn = f"It was drawn at random from the {left} images that wait"
    if strategy == "random":
        return f"{drawn}."
    if strategy not in strategies_of(task):
        return f"{drawn}, for this task keeps no order by '{strategy}'."
    if studies.store.rankings.checkpoint(task.name, strategy) is None:
        return f"{drawn}, for no model has looked at it yet."
    return f"{drawn}, for all that the last look put first are taken."
