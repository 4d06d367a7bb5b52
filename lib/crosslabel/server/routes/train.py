"""/train: background training."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body

from crosslabel.errors import CrossLabelError, NotFoundError
from crosslabel.server.learning_job import ROUND
from crosslabel.server.routes.dependencies import App, Jobs, Learning, known_training
from crosslabel.server.routes.people import Who
from crosslabel.store import Switch

router = APIRouter(prefix="/train", tags=["Train"])

Params = Annotated[dict[str, Any] | None, Body()]


@router.get("/", summary="Status of the last training, with the last lines that it wrote")
def status(jobs: Jobs, all: bool = False, check_if_running: bool = False) -> Any:
    if check_if_running:
        running = [job for job in jobs.all() if job["status"] == "RUNNING"]
        if not running:
            raise NotFoundError("No training is running.")
        return running[0]
    found = jobs.all()
    if not found:
        raise NotFoundError("Nothing was trained since the server started.")
    return found if all else found[-1]


@router.post("/", summary="Train every task that has final labels, one after another")
def start_all(app: App, jobs: Jobs, params: Params = None) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for name in app.tasks:
        settings = (params or {}).get(name)
        try:
            answers[name] = {"result": jobs.start(name, settings if isinstance(settings, dict) else {}, enqueue=True)}
        except CrossLabelError as error:
            answers[name] = {"result": None, "detail": str(error)}
    return answers


@router.post("/{model}", summary="Train a task from the final labels")
def start(app: App, jobs: Jobs, model: str, params: Params = None, enqueue: bool = False) -> dict[str, Any]:
    return jobs.start(known_training(app, model), params or {}, enqueue=enqueue)


@router.delete("/", summary="Stop the running training; it can be resumed")
def stop(app: App, jobs: Jobs, learning: Learning, who: Who) -> dict[str, Any] | None:
    """A round that the learning loop began would begin again, so its task is switched off as well."""
    running = next((job["request"] for job in jobs.alive() if job["request"].get(ROUND)), None)
    if running is not None:
        learning.set_switch(app.tasks[running["model"]], Switch.OFF, author=who.name())
    return jobs.stop()
