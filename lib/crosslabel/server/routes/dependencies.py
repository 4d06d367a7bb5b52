"""What routes are given."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from crosslabel.errors import NotFoundError
from crosslabel.server.app import CrossLabelApp
from crosslabel.server.jobs import TrainingJobs


def _app(request: Request) -> CrossLabelApp:
    return request.app.state.app


def _jobs(request: Request) -> TrainingJobs:
    return request.app.state.jobs


App = Annotated[CrossLabelApp, Depends(_app)]
Jobs = Annotated[TrainingJobs, Depends(_jobs)]


def known_task(app: CrossLabelApp, name: str) -> str:
    """The name of a served task.

    Raises:
        NotFoundError: it is none.
    """
    if name not in app.tasks:
        raise NotFoundError(f"There is no task '{name}' here; this server has: {', '.join(app.tasks)}.")
    return name
