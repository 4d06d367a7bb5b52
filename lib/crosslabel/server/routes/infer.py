"""POST /infer/{model}."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, UploadFile
from fastapi.responses import JSONResponse, Response
from monailabel.utils.others.generic import get_mime_type
from requests_toolbelt import MultipartEncoder

from crosslabel.errors import CrossLabelError
from crosslabel.images import IMAGE_SUFFIXES
from crosslabel.images.naming import suffix_of
from crosslabel.server.app import CrossLabelApp
from crosslabel.server.door import check_size
from crosslabel.server.infer_task import HEATMAP
from crosslabel.server.routes.dependencies import App, Numbers, ServerSettings, known_task
from crosslabel.server.routes.session import known_session
from crosslabel.server.settings import Settings
from crosslabel.server.uploads import json_object, received

router = APIRouter(prefix="/infer", tags=["Infer"])

# Decided by the route, never by the client's params.
_RESERVED = ("model", "image", "label", "session", "save_label", "map")


class Output(str, Enum):
    """What to answer: the label file, its JSON, or both; or both with a map of numbers in place of the label."""

    IMAGE = "image"
    JSON = "json"
    ALL = "all"
    UNCERTAINTY = "uncertainty"
    HEATMAP = HEATMAP


_MAPS = (Output.UNCERTAINTY, Output.HEATMAP)
_PARAMS = "JSON object: modality, sequence, result_extension; augment (segmentation); explanation, class (heat map)"


@router.post("/{model}", summary="Predict a study, an uploaded image or a session's image", response_class=Response)
def infer(
    app: App,
    settings: ServerSettings,
    metrics: Numbers,
    model: str,
    image: Annotated[str, Query(description="id of a study")] = "",
    session_id: str = "",
    params: Annotated[str, Form(description=_PARAMS)] = "{}",
    file: Annotated[UploadFile | None, File()] = None,
    output: Output | None = None,
) -> Response:
    options = json_object(params, "params")
    request = {name: value for name, value in options.items() if name not in _RESERVED}
    request["model"] = known_task(app, model)
    if output is not None and output in _MAPS:
        request["map"] = output.value
    with _image(app, settings, image, session_id, file) as path:
        result = app.infer({**request, "image": str(path)})
    metrics.inference(model, result["params"]["latencies"]["infer"])
    if result["file"] is None:
        return JSONResponse(result["params"])
    label = Path(result["file"])
    try:
        return _answer(label, result["params"], output or Output.ALL)
    finally:
        label.unlink()


@contextlib.contextmanager
def _image(app: CrossLabelApp, settings: Settings, image: str, session_id: str, file: UploadFile | None) -> Iterator[Path]:
    if file is not None:
        with received(file, IMAGE_SUFFIXES) as path:
            check_size(path, settings)
            yield path
    elif session_id:
        yield Path(known_session(app, session_id, update_ts=True).image)
    elif image:
        yield app.datastore().image_path(image)
    else:
        raise CrossLabelError("Nothing to predict: give the image's id, a file or a session.")


def _answer(label: Path, params: dict[str, Any], output: Output) -> Response:
    if output is Output.JSON:
        return JSONResponse(params)
    content, media_type = label.read_bytes(), get_mime_type(label.name)
    name = f"label-{uuid.uuid4().hex}{suffix_of(label)}"
    if output is Output.IMAGE:
        return Response(content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})
    # Stock clients look for these two parts.
    parts = MultipartEncoder({"params": (None, json.dumps(params), "application/json"), "image": (name, content, media_type)})
    return Response(parts.to_string(), media_type=parts.content_type)
