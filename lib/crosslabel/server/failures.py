"""Every failure as JSON with one sentence."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from monailabel.interfaces.exception import (
    ImageNotFoundException,
    LabelNotFoundException,
    MONAILabelException,
)

from crosslabel.errors import CrossLabelError

logger = logging.getLogger(__name__)


def handle_failures(app: FastAPI) -> None:
    """Answer a user's mistake as its 4xx and a defect as a 500 without its trace, which goes to the log."""
    app.add_exception_handler(CrossLabelError, _mistake)
    app.add_exception_handler(MONAILabelException, _of_monai_label)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _defect)


def _mistake(request: Request, error: CrossLabelError) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, error.status)


def _of_monai_label(request: Request, error: MONAILabelException) -> JSONResponse:
    missing = isinstance(error, ImageNotFoundException | LabelNotFoundException)
    return JSONResponse({"detail": str(error.msg)}, 404 if missing else 400)


def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
    first = error.errors()[0]
    place = " ".join(str(part) for part in first["loc"])
    return JSONResponse({"detail": f"The request's {place} is wrong: {first['msg']}."}, 422)


def _defect(request: Request, error: Exception) -> JSONResponse:
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return JSONResponse({"detail": "The server met a defect of its own; its log says more."}, 500)
