"""/health for whoever restarts the server, /metrics for Prometheus."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from crosslabel.server.health import Health, check_health
from crosslabel.server.routes.dependencies import App, Numbers

router = APIRouter(tags=["Monitoring"])


@router.get("/health", summary="Whether the server is ready; 503 if not", responses={503: {"model": Health}})
def health(app: App, response: Response) -> Health:
    found = check_health(Path(app.studies), len(app.tasks))
    if not found.ready:
        response.status_code = 503
    return found


@router.get("/metrics", summary="Numbers for Prometheus", response_class=Response)
def metrics(numbers: Numbers) -> Response:
    return Response(numbers.text(), media_type=CONTENT_TYPE_LATEST)
