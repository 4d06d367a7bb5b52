"""What routes are given."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from crosslabel.errors import NotFoundError
from crosslabel.server.app import CrossLabelApp
from crosslabel.server.jobs import TrainingJobs
from crosslabel.server.learning_loop import LearningLoop
from crosslabel.server.metrics import Metrics
from crosslabel.server.settings import Settings


def _app(request: Request) -> CrossLabelApp:
    return request.app.state.app


def _jobs(request: Request) -> TrainingJobs:
    return request.app.state.jobs


def _learning(request: Request) -> LearningLoop:
    return request.app.state.learning


def _settings(request: Request) -> Settings:
    return request.app.state.settings


def _metrics(request: Request) -> Metrics:
    return request.app.state.metrics


def _audited(request: Request) -> dict[str, str]:
    return request.state.audited


App = Annotated[CrossLabelApp, Depends(_app)]
Learning = Annotated[LearningLoop, Depends(_learning)]
Jobs = Annotated[TrainingJobs, Depends(_jobs)]
ServerSettings = Annotated[Settings, Depends(_settings)]
Audited = Annotated[dict[str, str], Depends(_audited)]
Numbers = Annotated[Metrics, Depends(_metrics)]


def known_task(app: CrossLabelApp, name: str) -> str:
    """The name of a served task.

    Raises:
        NotFoundError: it is none.
    """
    if name not in app.tasks:
        raise NotFoundError(f"There is no task '{name}' here; this server has: {', '.join(app.tasks)}.")
    return name


def known_training(app: CrossLabelApp, name: str) -> str:
    """The name of a training: a served task, or the adaptation of one.

    Raises:
        NotFoundError: it is none.
    """
    return name if name in app.train_tasks else known_task(app, name)
