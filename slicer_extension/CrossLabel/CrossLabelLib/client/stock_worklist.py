"""The same from a MONAI Label server, which knows less."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

from CrossLabelLib.client.errors import ServerError
from CrossLabelLib.client.fields import Fields
from CrossLabelLib.client.results import Case, Cases
from CrossLabelLib.client.transport import Transport
from CrossLabelLib.client.worklist import why

_FINAL = "final"


def next_case(transport: Transport, task: str, *, strategy: str, person: Mapping[str, str]) -> Case | None:
    """The case to annotate next, or None when none is left."""
    body = {"model": task, **person}
    path = f"/activelearning/{quote(strategy, safe='')}"
    answer = Fields(transport.json("POST", path, body=body), "the next case")
    image = answer.text("id", "")
    if not image:
        return None
    reason = answer.object("why")
    return Case(id=image, why=why(reason), lease_expires=answer.text("lease_expires", ""))


def cases(transport: Transport, *, state: str | None, text: str, offset: int, limit: int) -> Cases:
    """One page of all images: a MONAI Label server does not say which of them a task is for."""
    index = Fields(transport.json("GET", "/datastore/", query={"output": "all"}), "the datastore")
    objects = index.raw("objects")
    if not isinstance(objects, Mapping):
        raise ServerError("The server's list of images cannot be understood; check its version.", "bad answer")
    found = [_case(str(name), entry) for name, entry in sorted(objects.items()) if text.lower() in str(name).lower()]
    matching = [case for case in found if state in (None, case.state)]
    return Cases(len(matching), tuple(matching[offset : offset + limit]))


def _case(name: str, entry: Any) -> Case:
    labels = entry.get("labels") if isinstance(entry, Mapping) else None
    final = labels.get(_FINAL) if isinstance(labels, Mapping) else None
    if not isinstance(final, Mapping):
        return Case(id=name)
    info = final.get("info")
    info = info if isinstance(info, Mapping) else {}
    seconds = info.get("ts")
    updated = datetime.fromtimestamp(seconds, timezone.utc).isoformat() if isinstance(seconds, (int, float)) else ""
    return Case(id=name, state="labelled", author=str(info.get("client_id") or ""), updated=updated)
