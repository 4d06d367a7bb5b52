"""/batch/infer: prediction of many studies."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body
from monailabel.endpoints import batch_infer as stock
from monailabel.interfaces.tasks.batch_infer import BatchInferImageType
from pydantic import BaseModel, ConfigDict, Field

from crosslabel.server.routes.dependencies import App, known_task
from crosslabel.server.uploads import DEVICE_PATTERN, TAG_PATTERN

router = APIRouter(prefix="/batch", tags=["Infer"])


class BatchOptions(BaseModel):
    """What a client may choose; anything else that it sends is left out, for it would reach the background process."""

    model_config = ConfigDict(extra="ignore")

    device: Annotated[str, Field(pattern=DEVICE_PATTERN)] = "cuda"
    multi_gpu: bool = True
    gpus: Annotated[str, Field(pattern=r"^(all|\d{1,2}(,\d{1,2}){0,15})$")] = "all"
    label_tag: Annotated[str, Field(pattern=TAG_PATTERN)] = "original"
    max_workers: Annotated[int, Field(ge=0, le=16)] = 1
    max_batch_size: Annotated[int, Field(ge=0, le=1_000_000)] = 0


@router.post("/infer/{model}", summary="Predict many studies in the background, or with run_sync=true at once")
def run(
    app: App,
    model: str,
    images: BatchInferImageType = BatchInferImageType.IMAGES_ALL,
    params: Annotated[BatchOptions | None, Body()] = None,
    run_sync: bool = False,
) -> Any:
    options = (params or BatchOptions()).model_dump()
    return stock.run(known_task(app, model), images, {**options, "save_label": True}, run_sync)


@router.get("/infer", summary="Status of the last batch")
def status(all: bool = False, check_if_running: bool = False) -> Any:
    return stock.status(all, check_if_running)


@router.delete("/infer", summary="Stop the running batch")
def stop() -> Any:
    return stock.stop()
