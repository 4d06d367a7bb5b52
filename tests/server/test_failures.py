"""What a client is told when something fails inside."""

import errno
import logging

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from crosslabel.errors import ImageError
from crosslabel.server.failures import handle_failures
from crosslabel.server.metrics import Metrics
from crosslabel.server.request_context import RequestContext
from crosslabel.server.route_table import RouteTable


def full_disk():
    raise OSError(errno.ENOSPC, "No space left on device", "/data/names_a_patient.nii.gz")


def full_disk_in_other_words():
    try:
        full_disk()
    except OSError as error:
        raise ImageError("The file cannot be written.") from error


def defect():
    raise RuntimeError("secret detail")


@pytest.fixture
def client():
    app = FastAPI()
    handle_failures(app)
    for function in (full_disk, full_disk_in_other_words, defect):
        app.add_api_route(f"/{function.__name__}", function)
    app.add_middleware(RequestContext, routes=RouteTable(app.routes), metrics=Metrics())
    return TestClient(app)


@pytest.mark.parametrize("path", ["/full_disk", "/full_disk_in_other_words"])
def test_a_full_disk_is_507_whoever_noticed_it(client, path):
    answer = client.get(path)
    assert answer.status_code == 507
    assert answer.json()["detail"].startswith("The disk is full, so nothing was saved")
    assert "patient" not in answer.text


def test_a_defect_is_500_without_its_trace_which_is_in_the_log_under_the_requests_id(client, caplog):
    with caplog.at_level(logging.ERROR):
        answer = client.get("/defect", headers={"X-Request-ID": "given-by-a-proxy"})
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"] == "given-by-a-proxy"
    assert "secret detail" in caplog.text


@pytest.mark.parametrize("given", ["short", "a" * 65, "new\tline1234", "{{7*7}}-1234"])
def test_an_id_that_could_forge_the_log_is_replaced(client, given):
    found = client.get("/nothing", headers={"X-Request-ID": given}).headers["X-Request-ID"]
    assert found != given
    assert len(found) == 32


def test_an_address_without_a_route_is_said_in_a_sentence(client):
    assert client.get("/nothing").json()["detail"].endswith("lists what there is.")
    assert client.post("/defect").json()["detail"].startswith("This address does not take this method")
