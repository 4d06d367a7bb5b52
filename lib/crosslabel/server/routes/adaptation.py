"""/api/v1/adaptation: learn a task's target modality from a labelled source, watch it, stop it, read its report."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field

from crosslabel.data import labelled_cases
from crosslabel.errors import CrossLabelError, NotFoundError
from crosslabel.images import describe_image
from crosslabel.optimisation import read_curves
from crosslabel.server.adaptation_task import AdaptationTrainTask, adaptation_of, can_adapt
from crosslabel.server.app import CrossLabelApp
from crosslabel.server.routes.bodies import RequestBody
from crosslabel.server.routes.dependencies import App, Audited, Jobs, known_task
from crosslabel.tasks import TaskSpec
from crosslabel.training.adaptation import REPORT_FILE, methods_for

router = APIRouter(prefix="/api/v1/adaptation", tags=["Adaptation"])


class Source(BaseModel):
    """A labelled folder: how many labelled images it has and what they are, as far as they say it."""

    name: str
    images: int
    modality: str | None = None
    sequence: str | None = None
    problem: str | None = None


class Choice(BaseModel):
    """A method of adaptation."""

    name: str
    title: str


class Run(BaseModel):
    """The adaptation that runs, or ran last; ``curves`` holds ``[epoch, value]`` pairs by name, ``started_from`` the number of
    the version whose weights it began with, null for fresh ones."""

    name: str
    state: Literal["queued", "preparing", "training", "finished", "cancelled", "failed"]
    method: str | None
    source: str | None
    started_from: int | None
    progress: dict[str, Any] | None
    curves: dict[str, dict[str, list[list[float]]]]
    report: bool
    message: str


class Adaptation(BaseModel):
    """What a task can be adapted from, how, and what became of the last time."""

    sources: list[Source]
    methods: list[Choice]
    run: Run | None


class Wanted(RequestBody):
    """Which source to learn from; the only one, the task's method and its settings where they are left out."""

    source: str | None = None
    method: str | None = None
    settings: dict[str, Any] = Field(default_factory=dict)


@router.get("/{task}", summary="Sources, methods and the last adaptation of a task")
def state(app: App, task: str) -> Adaptation:
    spec = app.tasks[known_task(app, task)]
    training = app.train_tasks.get(adaptation_of(task))
    return Adaptation(
        sources=[_source(name, folder, spec) for name, folder in app.sources.items()] if can_adapt(spec) else [],
        methods=[Choice(name=method.name, title=method.title) for method in methods_for(spec).values()],
        run=_run(training) if isinstance(training, AdaptationTrainTask) else None,
    )


@router.post("/{task}", summary="Start to adapt a task to the studies of its target modality")
def start(app: App, jobs: Jobs, audited: Audited, task: str, wanted: Wanted) -> dict[str, Any]:
    """Final labels of such studies teach a segmentation too; the classes of a classification are left to the learning loop,
    which goes on with them from the adapted version. It begins with the version that is served, unless ``settings`` say
    ``{"pretrained": false}``. Progress is also shown by /info/ and /train/."""
    training = _training(app, task)
    audited.update(task=task)
    chosen = {"source": wanted.source, "method": wanted.method}
    params = {**wanted.settings, **{name: value for name, value in chosen.items() if value is not None}}
    return jobs.start(training.model, params, enqueue=False)


@router.delete("/{task}", summary="Stop the adaptation of a task; it can be resumed")
def stop(app: App, jobs: Jobs, audited: Audited, task: str) -> dict[str, Any] | None:
    training = _training(app, task)
    audited.update(task=task)
    running = next((job for job in jobs.alive() if job["status"] == "RUNNING"), None)
    if running is None or running["request"]["model"] != training.model:
        raise NotFoundError(f"No adaptation of {task} is running.")
    return jobs.stop()


@router.get("/{task}/report", summary="The report of the last adaptation", response_class=HTMLResponse)
def report(app: App, task: str) -> HTMLResponse:
    run = _training(app, task).latest_run()
    path = None if run is None else run / REPORT_FILE
    if path is None or not path.is_file():
        raise NotFoundError(f"There is no report of an adaptation of {task} yet; it is written when one has finished.")
    # A report runs no script and loads nothing; a browser need not trust that.
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return HTMLResponse(path.read_text(encoding="utf-8"), headers={"Content-Security-Policy": policy})


def _training(app: CrossLabelApp, task: str) -> AdaptationTrainTask:
    spec = app.tasks[known_task(app, task)]
    training = app.train_tasks.get(adaptation_of(task))
    if isinstance(training, AdaptationTrainTask):
        return training
    if not can_adapt(spec):
        raise CrossLabelError(f"Task {task} has no source domain to learn from; only a task that names one is adapted.")
    raise CrossLabelError("This server has no labelled source; start it with --source name=folder.")


def _source(name: str, folder: Path, task: TaskSpec) -> Source:
    try:
        cases = labelled_cases(folder, task)
        summary = describe_image(cases[0].image)
    except CrossLabelError as error:
        # Without the folder, which is nothing that clients know.
        return Source(name=name, images=0, problem=str(error).replace(str(folder), f"of source '{name}'"))
    modality = summary.modality and summary.modality.value
    return Source(name=name, images=len(cases), modality=modality, sequence=summary.sequence)


def _run(training: AdaptationTrainTask) -> Run | None:
    stats, folder = training.stats(), training.latest_run()
    if not stats:
        return None
    said = training.said(folder)
    return Run(
        name="" if folder is None else folder.name,
        state=stats["state"],
        method=said.get("method"),
        source=said.get("source"),
        started_from=said.get("started_from"),
        progress=training.progress(),
        curves={"losses": {}, "metrics": {}} if folder is None else read_curves(folder),
        report=folder is not None and (folder / REPORT_FILE).is_file(),
        message=stats.get("message", ""),
    )
