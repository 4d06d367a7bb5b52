"""/datastore: what MONAI Label's own routes write unchecked, or leave behind."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, UploadFile
from fastapi.responses import FileResponse
from monailabel.interfaces.datastore import DefaultLabelTag
from monailabel.utils.others.generic import get_mime_type
from starlette.background import BackgroundTask

from crosslabel.errors import CrossLabelError, ImageError, NotFoundError
from crosslabel.images import IMAGE_SUFFIXES, describe_image, image_id_of, read_image, read_label
from crosslabel.server.final_labels import read_class_label
from crosslabel.server.routes.dependencies import App
from crosslabel.server.studies import CLASS_LABEL_SUFFIX, Studies
from crosslabel.server.uploads import json_object, plain_name, received

router = APIRouter(prefix="/datastore", tags=["Datastore"])

Params = Annotated[str, Form()]


class AlreadyThereError(CrossLabelError):
    """An upload would replace what is there."""

    status = 409


@router.put("/", include_in_schema=False)
@router.put("/image", summary="Upload a study")
def add_image(
    app: App, file: Annotated[UploadFile, File()], image: Annotated[str, Query()] = "", params: Params = "{}"
) -> dict[str, str]:
    info = json_object(params, "params")
    name = plain_name(image or image_id_of(file.filename or ""), "image's id")
    studies = app.datastore()
    if name in studies.list_images():
        raise AlreadyThereError(f"There is already an image '{name}'; upload it under another id.")
    with received(file, IMAGE_SUFFIXES) as path:
        read_image(path)
        return {"image": studies.add_image(name, str(path), info)}


@router.get("/image", summary="Download a study; a DICOM series comes as a zip")
def download_image(app: App, image: str) -> FileResponse:
    path = app.datastore().image_path(image)
    if not path.is_dir():
        return FileResponse(path, media_type=get_mime_type(path.name), filename=path.name)
    folder = Path(tempfile.mkdtemp(prefix="crosslabel-download-"))
    try:
        archive = shutil.make_archive(str(folder / "series"), "zip", path)
    except OSError:
        shutil.rmtree(folder)
        raise
    return FileResponse(
        archive,
        media_type="application/zip",
        filename=f"{path.name}.zip",
        background=BackgroundTask(shutil.rmtree, folder),
    )


@router.put("/label", summary="Save a label")
def save_label(
    app: App,
    image: str,
    label: Annotated[UploadFile, File()],
    params: Params = "{}",
    tag: Annotated[str, Query(pattern=r"^[A-Za-z0-9_-]{0,64}$")] = DefaultLabelTag.FINAL.value,
) -> dict[str, Any]:
    """``params`` may name the ``task`` that the label is for."""
    info = json_object(params, "params")
    studies = app.datastore()
    studies.image_path(image)
    with received(label, (*IMAGE_SUFFIXES, CLASS_LABEL_SUFFIX)) as path:
        _check_label(path, studies, image)
        label_id = studies.save_label(image, str(path), tag or DefaultLabelTag.FINAL.value, info)
    return {**(app.on_save_label(image, label_id) or {}), "image": image, "label": label_id}


@router.get("/dataset", summary="Download all studies with a final label")
def download_dataset(app: App, limit_cases: int | None = None) -> FileResponse:
    studies = app.datastore()
    if not studies.datalist():
        raise NotFoundError("No study has a final label yet, so there is nothing to download.")
    archive = Path(studies.get_dataset_archive(limit_cases))
    return FileResponse(
        archive,
        media_type="application/zip",
        filename="dataset.zip",
        background=BackgroundTask(archive.unlink),
    )


def _check_label(path: Path, studies: Studies, image: str) -> None:
    if path.suffix == CLASS_LABEL_SUFFIX:
        read_class_label(path)
        return
    values, grid = read_label(path)
    wanted = describe_image(studies.image_path(image)).shape
    if grid.shape != wanted:
        raise ImageError(f"The label has {grid.shape} voxels and image '{image}' {wanted}; save it in the image's grid.")
    if values.min() < 0:
        raise ImageError("The label holds negative values; label values start at 0.")
