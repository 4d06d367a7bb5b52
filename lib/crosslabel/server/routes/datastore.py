"""/datastore: images, where MONAI Label's own routes write unchecked or leave files behind."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, UploadFile
from fastapi.responses import FileResponse, Response
from starlette.background import BackgroundTask

from crosslabel.errors import NotFoundError
from crosslabel.files import sha256_of
from crosslabel.images import IMAGE_SUFFIXES, image_id_of
from crosslabel.server.door import admit
from crosslabel.server.downloads import study_response
from crosslabel.server.routes.dependencies import App, ServerSettings
from crosslabel.server.uploads import json_object, plain_name, received

router = APIRouter(prefix="/datastore", tags=["Datastore"])

Params = Annotated[str, Form()]

_KEPT_BY_THE_SERVER = ("path", "ts", "name")


@router.put("/", include_in_schema=False)
@router.put("/image", summary="Upload a study")
def add_image(
    app: App,
    settings: ServerSettings,
    file: Annotated[UploadFile, File()],
    image: Annotated[str, Query()] = "",
    params: Params = "{}",
) -> dict[str, Any]:
    """``warnings``, where there are any, say what the person who uploads should know."""
    info = _of_the_client(json_object(params, "params"))
    name = plain_name(image or image_id_of(file.filename or ""), "image's id")
    studies = app.datastore()
    with received(file, IMAGE_SUFFIXES) as path:
        warnings = admit(path, settings)
        added = studies.add_image(name, str(path), info)
    return {"image": added, "warnings": warnings} if warnings else {"image": added}


@router.get("/image", summary="Download a study; a DICOM series comes as a zip")
def download_image(app: App, image: str) -> FileResponse:
    return study_response(app.datastore().image_path(image))


@router.head("/image", summary="Whether a study exists", include_in_schema=False)
def check_image(app: App, image: str, check_sum: str | None = None) -> Response:
    """``check_sum``: SHA-256 that its file should have, with or without ``SHA256:`` before it."""
    path = app.datastore().image_path(image)
    if check_sum and (path.is_dir() or sha256_of(path) != check_sum.removeprefix("SHA256:").lower()):
        raise NotFoundError(f"Image '{image}' has another content; download it again.")
    return Response()


@router.put("/image/info", summary="Add to what is known of a study")
def update_image_info(app: App, image: str, info: Params = "{}") -> None:
    app.datastore().update_image_info(image, _of_the_client(json_object(info, "info")))


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


def _of_the_client(info: dict[str, Any]) -> dict[str, Any]:
    """Without what the server itself keeps there and relies on."""
    return {name: value for name, value in info.items() if name not in _KEPT_BY_THE_SERVER}
