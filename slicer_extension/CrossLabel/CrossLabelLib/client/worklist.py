"""What to annotate next and where cases stand: CrossLabel's own routes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from CrossLabelLib.client.fields import Fields
from CrossLabelLib.client.results import Case, Cases, Study, Why
from CrossLabelLib.client.transport import Transport


def next_cases(
    transport: Transport, task: str, *, strategy: str | None, count: int, person: Mapping[str, str]
) -> tuple[list[Case], int]:
    """The cases to annotate next, the most wanted first, and how many wait in all."""
    body = {"strategy": strategy, "count": count, **person}
    answer = Fields(transport.json("POST", _path(task, "next"), body=body), "the next cases")
    return [_handed(entry) for entry in answer.objects("cases")], answer.integer("left", 0)


def mark(transport: Transport, task: str, what: str, image: str, **values: Any) -> None:
    """``what``: ``release``, ``skip`` or ``pin``."""
    transport.json("POST", _path(task, what), body={"image": image, **values})


def cases(transport: Transport, task: str, *, state: str | None, text: str, offset: int, limit: int) -> Cases:
    """One page of a task's cases, sorted by id."""
    query = {"state": state, "text": text, "offset": offset, "limit": limit}
    answer = Fields(transport.json("GET", _path(task, "cases"), query=query), "the cases")
    return Cases(answer.integer("total"), tuple(_listed(entry) for entry in answer.objects("cases")))


def studies(transport: Transport) -> list[Study]:
    """All images of the server."""
    answer = Fields({"images": transport.json("GET", "/api/v1/images")}, "the images")
    return [
        Study(
            id=image.text("id"),
            patient=image.text("patient", ""),
            study=image.text("study", ""),
            modality=image.text("modality", ""),
            sequence=image.text("sequence", ""),
            problem=image.text("problem", ""),
        )
        for image in answer.objects("images")
    ]


def why(entry: Fields | None) -> Why | None:
    """Why a case comes next, from JSON."""
    if entry is None:
        return None
    rank, of = entry.number("rank"), entry.number("of")
    return Why(
        score=entry.number("score"),
        rank=None if rank is None else int(rank),
        of=None if of is None else int(of),
        sentence=entry.text("sentence", ""),
        strategy=entry.text("strategy", ""),
        checkpoint=entry.text("checkpoint", ""),
    )


def _handed(entry: Fields) -> Case:
    reason = why(entry.object("why"))
    return Case(id=entry.text("id"), state="leased", why=reason, lease_expires=entry.text("lease_expires", ""))


def _listed(entry: Fields) -> Case:
    rank = entry.number("rank")
    return Case(
        id=entry.text("id"),
        state=entry.text("state"),
        patient=entry.text("patient", ""),
        pinned=bool(entry.flag("pinned", False)),
        why=Why(score=entry.number("score"), rank=None if rank is None else int(rank)),
        author=entry.text("author", ""),
        updated=entry.text("updated", ""),
    )


def _path(task: str, what: str) -> str:
    return f"/api/v1/learning/{quote(task, safe='')}/{what}"
