"""POST /activelearning/{strategy}."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body

from crosslabel.server.routes.dependencies import App, Audited
from crosslabel.server.routes.people import Who

router = APIRouter(prefix="/activelearning", tags=["ActiveLearning"])


@router.post("/{strategy}", summary="The study to annotate next")
def next_sample(
    app: App, audited: Audited, who: Who, strategy: str, params: Annotated[dict[str, Any] | None, Body()] = None
) -> dict[str, Any]:
    """``params`` may name the ``task``. For half an hour nobody else gets the same study for this task. ``why`` holds its
    score, its rank and a sentence that says why it comes next.

    When no study is left the answer holds no ``id``: stock clients, which name no task, get an empty one.
    """
    request = {**(params or {}), "strategy": strategy, "holder": who.name(params)}
    sample = app.next_sample(request)
    asked = request.get("task")
    audited.update(task=sample.get("task") or str(asked or request.get("model") or ""), image_id=sample.get("id", ""))
    if sample:
        app.worked_on.add(sample["task"])
    if not sample:
        return {"detail": f"Every study that task {asked} is for is labelled or in somebody's hands."} if asked else {}
    return {**app.datastore().get_image_info(sample["id"]), **sample}
