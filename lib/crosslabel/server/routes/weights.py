"""PUT /model/{model}: weights from elsewhere become a new version of a task, once they are known to fit it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import torch
from fastapi import APIRouter, File, Query, UploadFile

from crosslabel.checkpoints import Checkpoint, load_checkpoint
from crosslabel.errors import CheckpointError
from crosslabel.files import sha256_of
from crosslabel.inference import fill_network
from crosslabel.inference.trust import Trust
from crosslabel.server.routes.dependencies import App, Audited, known_task
from crosslabel.server.routes.people import Who
from crosslabel.server.uploads import received

router = APIRouter(prefix="/model", tags=["Model"])

_SUFFIXES = (".pt",)
_OF_THEIR_IMAGES = ("data", "learning", "published")


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
        _check_trust(checkpoint)
        _check_finite(checkpoint)
        record = _from_elsewhere(checkpoint.provenance, {"by": who.name(), "sha256": sha256_of(path)})
        version = app.store.publish(task, checkpoint.state, record, activate=activate, extras=checkpoint.extras)
    return {"name": version.name, "version": version.number, "active": activate}


def _from_elsewhere(provenance: Mapping[str, Any], upload: dict[str, str]) -> dict[str, Any]:
    """A record in which the images of another place, which may be called like ours, are not taken for ours."""
    theirs = {name: provenance[name] for name in _OF_THEIR_IMAGES if name in provenance}
    ours = {name: value for name, value in provenance.items() if name not in _OF_THEIR_IMAGES}
    return {**ours, "uploaded": {**upload, **theirs}}


def _check_trust(checkpoint: Checkpoint) -> None:
    """What a classifier learnt of its limits has to be there as its record says, or it could not answer."""
    try:
        Trust.of(checkpoint)
    except (KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{checkpoint.name} lacks what its record says of its limits; upload the whole file.") from error


def _check_finite(checkpoint: Checkpoint) -> None:
    tensors = {**checkpoint.state, **checkpoint.extras}
    broken = next((name for name, values in tensors.items() if not torch.isfinite(values).all()), None)
    if broken is not None:
        raise CheckpointError(f"{checkpoint.name} holds numbers that are not finite in '{broken}'; train again.")
