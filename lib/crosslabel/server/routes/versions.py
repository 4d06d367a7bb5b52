"""/api/v1/versions: the trained versions of a task, and which of them is served."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from crosslabel.server.learning_state import versions
from crosslabel.server.routes.dependencies import App, Audited, Learning, known_task

router = APIRouter(prefix="/api/v1/versions", tags=["Learning"])


@router.get("/{task}", summary="The trained versions of a task, oldest first")
def list_versions(app: App, learning: Learning, task: str) -> list[dict[str, Any]]:
    return versions(learning, app.tasks[known_task(app, task)])


@router.post("/{task}/{number}/activate", summary="Serve a version from now on, also to roll back")
def activate(app: App, audited: Audited, task: str, number: int) -> dict[str, Any]:
    """Requests that run are answered by the version that they began with."""
    version = app.store.activate(app.tasks[known_task(app, task)], number)
    audited.update(task=task)
    return {"number": version.number, "name": version.name, "active": True}
