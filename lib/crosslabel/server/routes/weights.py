"""PUT /model/{model}: weights from elsewhere become a new version of a task, once they are known to fit it."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from fastapi import APIRouter, File, Query, UploadFile

from crosslabel.checkpoints import Checkpoint, load_checkpoint
from crosslabel.errors import CheckpointError
from crosslabel.files import sha256_of
from crosslabel.inference import fill_network
from crosslabel.server.routes.dependencies import App, Audited, known_task
from crosslabel.server.routes.people import Who
from crosslabel.server.uploads import received

router = APIRouter(prefix="/model", tags=["Model"])

_SUFFIXES = (".pt",)


@router.put("/{model}", summary="Add a checkpoint file of CrossLabel as a new version of a task")
def upload(
    app: App,
    audited: Audited,
    who: Who,
    model: str,
    file: Annotated[UploadFile, File(description="weights.pt of a version that another CrossLabel published")],
    activate: Annotated[
        bool, Query(description="serve it from now on, instead of leaving the served version as it is")
    ] = False,
) -> dict[str, Any]:
    """Only tensors and text are read from the file, never code; earlier versions stay as they are."""
    task = app.tasks[known_task(app, model)]
    audited.update(task=task.name)
    with received(file, _SUFFIXES) as path:
        checkpoint = load_checkpoint(path, task, "The uploaded file")
        fill_network(task, checkpoint)
        _check_finite(checkpoint)
        origin = {"uploaded": {"by": who.name(), "sha256": sha256_of(path)}}
        version = app.store.publish(task, checkpoint.state, {**checkpoint.provenance, **origin}, activate=activate)
    return {"name": version.name, "version": version.number, "active": activate}


def _check_finite(checkpoint: Checkpoint) -> None:
    broken = next((name for name, values in checkpoint.state.items() if not torch.isfinite(values).all()), None)
    if broken is not None:
        raise CheckpointError(f"{checkpoint.name} holds numbers that are not finite in '{broken}'; train again.")
