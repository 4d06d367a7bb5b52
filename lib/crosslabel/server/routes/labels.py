"""/datastore/label: labels as MONAI Label's clients know them, and for those that know tasks, ``task=NAME``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, UploadFile
from fastapi.responses import FileResponse, JSONResponse, Response
from monailabel.utils.others.generic import get_mime_type

from crosslabel.images import IMAGE_SUFFIXES
from crosslabel.images.naming import suffix_of
from crosslabel.server.door import check_size
from crosslabel.server.routes.dependencies import App, Audited, ServerSettings
from crosslabel.server.routes.people import Who
from crosslabel.server.studies import label_info
from crosslabel.server.uploads import TAG_PATTERN, json_object, received
from crosslabel.store import FINAL, LabelRecord
from crosslabel.store.stock_layout import CLASS_SUFFIX

router = APIRouter(prefix="/datastore", tags=["Datastore"])

_LONGEST_COMMENT = 2000

Params = Annotated[str, Form()]
Tag = Annotated[str, Query(pattern=TAG_PATTERN)]
Task = Annotated[str | None, Query(description="needed where several tasks have a label of this image and tag")]


@router.put("/label", summary="Save a label")
def save_label(
    app: App,
    settings: ServerSettings,
    audited: Audited,
    who: Who,
    image: str,
    label: Annotated[UploadFile, File()],
    params: Params = "{}",
    tag: Annotated[str, Query(pattern=f"{TAG_PATTERN}|^$")] = FINAL,
) -> dict[str, Any]:
    """``params`` may name the ``task`` that the label is for, or the ``model`` that proposed it, and hold a ``comment``.

    A label without either is for the only task that is for this kind of image and has its values; where there are
    several the answer names them.
    """
    info = json_object(params, "params")
    studies = app.datastore()
    studies.image_path(image)
    with received(label, (*IMAGE_SUFFIXES, CLASS_SUFFIX)) as path:
        if path.suffix != CLASS_SUFFIX:
            check_size(path, settings)
        comment = str(info.get("comment") or "")[:_LONGEST_COMMENT]
        saved = studies.submit(image, path, tag or FINAL, info, author=who.name(info), comment=comment)
    audited.update(task=saved.task)
    answer = {"image": image, "label": saved.image_id, "task": saved.task, "version": saved.version, "id": saved.id}
    return {**(app.on_save_label(image, saved.image_id) or {}), **answer}


@router.head("/label", summary="Whether a label exists", include_in_schema=False)
def check_label(app: App, image: str, tag: Tag, task: Task = None) -> Response:
    app.datastore().label(image, tag, task)
    return Response()


@router.get("/label", summary="Download a label; a class comes as JSON")
def download_label(app: App, label: str, tag: Tag, task: Task = None) -> Response:
    return label_response(app.datastore().label(label, tag, task))


@router.delete("/label", summary="Withdraw a label; its versions stay in the history")
def remove_label(app: App, who: Who, id: str, tag: Tag, task: Task = None) -> dict[str, Any]:
    app.datastore().withdraw(id, tag, task, reviewer=who.name())
    return {}


@router.get("/label/info", summary="What is known of a label")
def get_label_info(app: App, label: str, tag: Tag, task: Task = None) -> dict[str, Any]:
    return label_info(app.datastore().label(label, tag, task))


@router.put("/label/info", summary="Add to what is known of a label")
def update_label_info(app: App, label: str, tag: Tag, info: Params = "{}", task: Task = None) -> None:
    app.datastore().update_label_info(label, tag, json_object(info, "info"), task)


@router.put("/updatelabelinfo", include_in_schema=False)
def update_label_info_by_old_name(app: App, label: str, tag: Tag, params: Params = "{}", task: Task = None) -> None:
    update_label_info(app, label, tag, params, task)


def label_response(label: LabelRecord) -> Response:
    """A label's file, or its class as JSON."""
    name = Path(label.image_id).name
    if label.path is None:
        disposition = {"Content-Disposition": "attachment; filename=label.json"}
        return JSONResponse({"class": label.class_name}, headers=disposition)
    return FileResponse(label.path, media_type=get_mime_type(label.path.name), filename=f"{name}{suffix_of(label.path)}")
