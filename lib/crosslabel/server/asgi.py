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
from crosslabel.server.auditing import Audit, Auditing
from crosslabel.server.failures import handle_failures
from crosslabel.server.jobs import TrainingJobs
from crosslabel.server.learning_loop import LearningLoop
from crosslabel.server.limits.capacity import Capacity
from crosslabel.server.limits.messages import MessageLimits
from crosslabel.server.metrics import Metrics
from crosslabel.server.remedies import cors_origins, prepare_environment
from crosslabel.server.request_context import RequestContext
from crosslabel.server.route_table import RouteTable
from crosslabel.server.routes import (
    activelearning,
    adaptation,
    auth,
    batch_infer,
    datastore,
    infer,
    info,
    labels,
    learning,
    monitoring,
    review,
    session,
    train,
    v1,
    versions,
    weights,
)
from crosslabel.server.routes.stock import stock_routes
from crosslabel.server.security.attempts import FailedAttempts
from crosslabel.server.security.authentication import Authentication, LogIn
from crosslabel.server.security.origins import OriginGuard
from crosslabel.server.security.tokens import TokenStore
from crosslabel.server.settings import Settings

_OWN = (
    monitoring,
    auth,
    info,
    infer,
    activelearning,
    train,
    batch_infer,
    session,
    datastore,
    labels,
    adaptation,
    v1,
    review,
    weights,
    learning,
    versions,
)


@asynccontextmanager
async def _lifespan(server: FastAPI) -> AsyncIterator[None]:
    app = await run_in_threadpool(app_instance)
    app.server_mode(True)
    app.own_server = True
    app.capabilities += ["api/v1", "info-while-inferring", "learning"]
    app.predictors.seconds = server.state.settings.inference_seconds
    await run_in_threadpool(app.on_init_complete)
    jobs = TrainingJobs(app)
    learning = LearningLoop(app, jobs)
    server.state.app, server.state.jobs, server.state.learning = app, jobs, learning
    learning.start()
    server.state.metrics.watch_trainings(lambda: len(jobs.alive()))
    yield
    await run_in_threadpool(learning.close)
    await run_in_threadpool(jobs.shut_down)


def create_app(settings: Settings, audit: Audit, tokens: TokenStore | None, *, loopback_only: bool) -> FastAPI:
    """The server.

    Routes are plain functions, which run in threads, so that ``/info`` answers while a network computes.

    Args:
        settings: limits and policies.
        audit: where it is written who saw and changed what.
        tokens: who may; ``None`` lets everyone do everything.
        loopback_only: requests come from this machine, so that a name of another one is a page's trick.
    """
    prepare_environment()
    server = FastAPI(title="CrossLabel", version=crosslabel.__version__, lifespan=_lifespan, redoc_url=None)
    handle_failures(server)
    own = [route for module in _OWN for route in module.router.routes if isinstance(route, APIRoute)]
    for module in _OWN:
        server.include_router(module.router)
    stock = stock_routes({(method, route.path) for route in own for method in route.methods})
    server.include_router(stock)
    server.add_api_route("/", lambda: RedirectResponse("/docs"), include_in_schema=False)
    server.state.settings, server.state.metrics = settings, Metrics()
    server.state.log_in = LogIn(tokens, FailedAttempts())
    routes = RouteTable([*server.routes, *own, *stock.routes])
    # From the inside out: each layer meets only requests that the ones outside it let pass.
    server.add_middleware(Auditing, audit=audit, routes=routes)
    server.add_middleware(Capacity, metrics=server.state.metrics)
    server.add_middleware(MessageLimits, max_upload_bytes=settings.max_upload_bytes)
    server.add_middleware(Authentication, log_in=server.state.log_in)
    origins = cors_origins()
    server.add_middleware(OriginGuard, origins=origins, loopback_only=loopback_only)
    if origins:
        server.add_middleware(CORSMiddleware, allow_origins=origins, allow_methods=["*"], allow_headers=["*"])
    server.add_middleware(RequestContext, routes=routes, metrics=server.state.metrics)
    return server
