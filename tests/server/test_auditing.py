"""Without an entry in the audit log nothing is shown."""

from fastapi import FastAPI, Response
from fastapi.testclient import TestClient

from crosslabel.server.auditing import Auditing
from crosslabel.server.metrics import Metrics
from crosslabel.server.request_context import RequestContext
from crosslabel.server.route_table import RouteTable
from crosslabel.server.security.attempts import FailedAttempts
from crosslabel.server.security.authentication import Authentication, LogIn
from crosslabel.store.errors import DiskFullError


class FullDisk:
    def write(self, who, what, **details):
        raise DiskFullError("The disk is full, so the audit log cannot be kept; free some space and try again.")


def test_an_image_is_not_shown_when_that_cannot_be_written_down():
    app = FastAPI()
    app.add_api_route("/datastore/image", lambda image: Response(b"voxels of a patient"))
    app.add_api_route("/info/", lambda: "open")
    routes = RouteTable(app.routes)
    app.add_middleware(Auditing, audit=FullDisk(), routes=routes)
    app.add_middleware(Authentication, log_in=LogIn(None, FailedAttempts()))
    app.add_middleware(RequestContext, routes=routes, metrics=Metrics())
    client = TestClient(app)
    answer = client.get("/datastore/image?image=mr_0")
    assert answer.status_code == 507
    assert "audit log" in answer.json()["detail"]
    assert b"voxels" not in answer.content
    assert client.get("/info/").status_code == 200
