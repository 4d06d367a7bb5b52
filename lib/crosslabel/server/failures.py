"""Every failure as JSON: one sentence, and the id of the request to find it in the log."""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator, Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from monailabel.interfaces.exception import (
    ImageNotFoundException,
    LabelNotFoundException,
    MONAILabelException,
)
from starlette.exceptions import HTTPException

from crosslabel.errors import CrossLabelError
from crosslabel.server import request_ids

logger = logging.getLogger(__name__)

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
_DISK_FULL = "The disk is full, so nothing was saved; free some space and send it again."
_DEFECT = "The server met a defect of its own; its log says more under this request's id."
_SENTENCES = {
    404: "There is nothing at this address; GET /docs lists what there is.",
    405: "This address does not take this method; GET /docs lists what it takes.",
}


def failure(status: int, detail: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The answer to a request that fails."""
    return JSONResponse({"detail": detail, "request_id": request_ids.current()}, status, dict(headers or {}))


def handle_failures(app: FastAPI) -> None:
    """Answer a user's mistake as its 4xx."""
    app.add_exception_handler(CrossLabelError, _mistake)
    app.add_exception_handler(MONAILabelException, _of_monai_label)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _of_starlette)


def defect(method: str, template: str | None, error: Exception) -> JSONResponse:
    """The answer to an exception that nobody foresaw: 507 for a full disk, else 500; the trace goes to the log alone."""
    if _is_disk_full(error):
        logger.error("The disk is full.")
        return failure(507, _DISK_FULL)
    logger.error("%s %s failed", method, template, exc_info=error)
    return failure(500, _DEFECT)


def _mistake(request: Request, error: CrossLabelError) -> JSONResponse:
    if _is_disk_full(error):
        return failure(507, _DISK_FULL)
    headers = {"Retry-After": "5"} if error.status == 503 else None
    return failure(error.status, str(error), headers)


def _of_monai_label(request: Request, error: MONAILabelException) -> JSONResponse:
    missing = isinstance(error, ImageNotFoundException | LabelNotFoundException)
    return failure(404 if missing else 400, str(error.msg))


def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
    first = error.errors()[0]
    place = " ".join(str(part) for part in first["loc"])
    return failure(422, f"The request's {place} is wrong: {first['msg']}.")


def _of_starlette(request: Request, error: HTTPException) -> JSONResponse:
    if _is_disk_full(error):
        return failure(507, _DISK_FULL)
    # Its own words for these two are the names of the statuses.
    routed = error.status_code in _SENTENCES and error.detail in ("Not Found", "Method Not Allowed")
    sentence = _SENTENCES[error.status_code] if routed else f"{str(error.detail).rstrip('.')}."
    return failure(error.status_code, sentence, error.headers)


def _is_disk_full(error: BaseException) -> bool:
    return any(isinstance(cause, OSError) and cause.errno in _NO_SPACE for cause in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
