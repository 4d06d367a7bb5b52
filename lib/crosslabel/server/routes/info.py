"""GET /info/."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from crosslabel.server.routes.dependencies import App

router = APIRouter(prefix="/info", tags=["App"])


@router.get("/", summary="Tasks, checkpoints, training progress and studies of this server")
def info(app: App) -> dict[str, Any]:
    return app.info()
