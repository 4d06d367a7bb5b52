"""Adapting a task to its modality from labelled images of another one that the server offers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from CrossLabelLib.client.fields import Fields
from CrossLabelLib.client.learning import curves, progress
from CrossLabelLib.client.learning_results import AdaptationRun, AdaptationState, Source
from CrossLabelLib.client.transport import Transport


def state(transport: Transport, task: str) -> AdaptationState:
    """What can be adapted from and how, and the last run."""
    answer = Fields(transport.json("GET", path(task)), "the adaptation")
    return AdaptationState(
        sources=tuple(_source(entry) for entry in answer.objects("sources")),
        methods=tuple((entry.text("name"), entry.text("title", "")) for entry in answer.objects("methods")),
        run=_run(answer.object("run")),
    )


def start(transport: Transport, task: str, source: str, method: str | None, settings: Mapping[str, Any]) -> None:
    """Start an adaptation; without a method, the server's own choice."""
    body: dict[str, Any] = {"source": source, "settings": dict(settings)}
    transport.json("POST", path(task), body={**body, "method": method} if method else body)


def stop(transport: Transport, task: str) -> None:
    """Stop the running adaptation. Waits while the server lets it end."""
    transport.json("DELETE", path(task), patience=60.0)


def path(task: str) -> str:
    return f"/api/v1/adaptation/{quote(task, safe='')}"


def _source(entry: Fields) -> Source:
    texts = (entry.text(name, "") for name in ("modality", "sequence", "problem"))
    return Source(entry.text("name"), entry.integer("images", 0), *texts)


def _run(entry: Fields | None) -> AdaptationRun | None:
    if entry is None:
        return None
    return AdaptationRun(
        name=entry.text("name", ""),
        state=entry.text("state", ""),
        method=entry.text("method", ""),
        source=entry.text("source", ""),
        progress=progress(entry.object("progress")),
        curves=curves(entry.object("curves")),
        report=bool(entry.flag("report", False)),
        message=entry.text("message", ""),
    )
