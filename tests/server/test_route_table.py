"""The route that is guarded is the one that answers."""

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.routing import Route

from crosslabel.server.route_table import RouteTable

PATHS = [
    ("POST", "/labels/{number:int}/approve"),
    ("GET", "/labels/{number:int}/approve"),
    ("POST", "/labels/{task}/{image:path}"),
    ("DELETE", "/labels"),
    ("GET", "/{anything}"),
]


@pytest.fixture(scope="module")
def app():
    app = FastAPI(openapi_url=None)
    for method, path in PATHS:
        app.add_api_route(path, lambda path=path: path, methods=[method])
    return app


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize(
    "path",
    [
        "/labels/5/approve",
        "/labels/x/approve",
        "/labels/5/approve/x",
        "/labels/a/b/c",
        "/labels",
        "/other",
        "/labels/5%2Fapprove",
    ],
)
def test_the_table_names_the_route_that_the_server_takes(app, method, path):
    answer = TestClient(app).request(method, path)
    template = RouteTable(route for route in app.routes if isinstance(route, Route)).template(method, path.replace("%2F", "/"))
    if answer.status_code == 200:
        assert template == answer.json()
    else:
        assert answer.status_code == (405 if template else 404)
