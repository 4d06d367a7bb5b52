"""POST /activelearning/{strategy}."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Body

from crosslabel.server.routes.dependencies import App

router = APIRouter(prefix="/activelearning", tags=["ActiveLearning"])


@router.post("/{strategy}", summary="The study to annotate next")
def next_sample(app: App, strategy: str, params: Annotated[dict[str, Any] | None, Body()] = None) -> dict[str, Any]:
    """``params`` may name the ``task``.

    When no study is left the answer holds no ``id``: stock clients, which name no task, get an empty one.
    """
    request = {**(params or {}), "strategy": strategy}
    sample = app.next_sample(request)
    if not sample:
        task = request.get("task")
        return {"detail": f"Every study that task {task} is for has a final label."} if task else {}
    studies = app.datastore()
    known = studies.get_image_info(sample["id"]).get("strategy", {})
    served = {"ts": int(time.time()), "client_id": request.get("client_id")}
    studies.update_image_info(sample["id"], {"strategy": {**known, strategy: served}})
    return {**sample, **studies.get_image_info(sample["id"])}
