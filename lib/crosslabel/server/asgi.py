"""CrossLabel's own ASGI app: own routes first, MONAI Label's behind them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute
from monailabel.interfaces.utils.app import app_instance

import crosslabel
from crosslabel.server.failures import handle_failures
from crosslabel.server.jobs import TrainingJobs
from crosslabel.server.remedies import cors_origins, prepare_environment
from crosslabel.server.routes import activelearning, datastore, infer, info, train, v1
from crosslabel.server.routes.stock import stock_routes

_OWN = (info, infer, activelearning, train, datastore, v1)


@asynccontextmanager
async def _lifespan(server: FastAPI) -> AsyncIterator[None]:
    app = await run_in_threadpool(app_instance)
    app.server_mode(True)
    app.own_server = True
    app.capabilities += ["api/v1", "info-while-inferring"]
    await run_in_threadpool(app.on_init_complete)
    server.state.app, server.state.jobs = app, TrainingJobs(app)
    yield
    await run_in_threadpool(server.state.jobs.shut_down)


def create_app() -> FastAPI:
    """The server, for ``uvicorn --factory crosslabel.server.asgi:create_app``.

    Routes are plain functions, which run in threads, so that ``/info`` answers while a network computes.
    """
    prepare_environment()
    server = FastAPI(title="CrossLabel", version=crosslabel.__version__, lifespan=_lifespan, redoc_url=None)
    handle_failures(server)
    origins = cors_origins()
    if origins:
        server.add_middleware(CORSMiddleware, allow_origins=origins, allow_methods=["*"], allow_headers=["*"])
    for module in _OWN:
        server.include_router(module.router)
    taken = {
        (method, route.path)
        for module in _OWN
        for route in module.router.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }
    server.include_router(stock_routes(taken))
    server.add_api_route("/", lambda: RedirectResponse("/docs"), include_in_schema=False)
    return server
