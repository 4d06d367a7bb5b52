"""The rest of MONAI Label's routes, in threads."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable, Collection
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from monailabel.endpoints import datastore, model

from crosslabel.errors import CrossLabelError

# Not offered: proxy and ohif belong to a DICOMweb archive, wsi_infer to pathology slides, logs to a file that only the
# stock command writes, and scoring starts a process for any name while no scoring method is served.
_ROUTERS = (datastore, model)


def stock_routes(own: Collection[tuple[str, str]]) -> APIRouter:
    """MONAI Label's routes except those that CrossLabel has itself.

    Args:
        own: (method, path) pairs that are taken.
    """
    router = APIRouter()
    for module in _ROUTERS:
        for route in module.router.routes:
            if isinstance(route, APIRoute) and _wanted(route, own):
                router.add_api_route(
                    route.path,
                    _in_thread(route.endpoint),
                    methods=sorted(route.methods),
                    summary=route.summary,
                    tags=route.tags,
                    include_in_schema=route.include_in_schema,
                )
    return router


def _wanted(route: APIRoute, own: Collection[tuple[str, str]]) -> bool:
    # Replacing or deleting weights by file name would bypass the versions and their check.
    if route.path.startswith("/model/") and not route.methods <= {"GET", "HEAD"}:
        return False
    return not any((method, route.path) in own for method in route.methods)


def _in_thread(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """A plain function, which FastAPI runs in a thread; MONAI Label's coroutines block all requests."""

    def call(**arguments: Any) -> Any:
        try:
            return asyncio.run(endpoint(**arguments))
        except json.JSONDecodeError as error:
            raise CrossLabelError(f"The request holds JSON that is not valid: {error}.") from error

    # Not functools.wraps: FastAPI would look through it and take the coroutine function again.
    call.__name__, call.__signature__ = endpoint.__name__, inspect.signature(endpoint)
    return call
