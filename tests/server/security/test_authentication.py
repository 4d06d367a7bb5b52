"""A real server with tokens and TLS: who gets in, and what they may do."""

import base64
from pathlib import Path

import pytest
import requests
from monailabel.client import MONAILabelClient
from monailabel.client.client import MONAILabelClientException

from crosslabel.server.security.authentication import credentials
from crosslabel.server.security.roles import Role
from guarded_server import guarded_server
from server_process import unused_port

OPEN = {"/health", "/auth/", "/auth/token"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A server of this file's own: failed log-ins of other tests from this address would slow down those here."""
    with guarded_server(tmp_path_factory.mktemp("guarded"), unused_port()) as running:
        yield running


@pytest.fixture(scope="module")
def routes(guarded):
    """(method, path) of everything in the OpenAPI document."""
    paths = guarded.ask("GET", "/openapi.json", Role.ANNOTATE).json()["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods]


def test_health_tells_nothing_of_the_studies(guarded):
    health = guarded.ask("GET", "/health").json()
    assert set(health) == {"ready", "checks"}
    assert set(health["checks"].values()) <= {True, False}


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer x",
        "Basic !!!",
        "Basic " + base64.b64encode(b"\xff\xfe").decode(),
        "Digest username=a",
        "None None",
    ],
)
def test_a_wrong_authorization_is_no_log_in(guarded, header):
    assert guarded.ask("GET", "/info/", headers={"Authorization": header}).status_code == 401


def test_a_token_is_a_bearer_token_or_the_password_of_basic(guarded):
    token = guarded.tokens[Role.ANNOTATE]
    basic = base64.b64encode(f"anyone:{token}".encode()).decode()
    for header in (f"Bearer {token}", f"bearer {token}", f"Basic {basic}"):
        assert guarded.ask("GET", "/info/", headers={"Authorization": header}).status_code == 200
        assert credentials(header) == token


def test_a_token_in_the_address_is_no_log_in(guarded):
    assert guarded.ask("GET", f"/info/?access_token={guarded.tokens[Role.ADMINISTER]}").status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "needed"),
    [
        ("GET", "/info/", Role.ANNOTATE),
        ("GET", "/api/v1/tasks", Role.ANNOTATE),
        ("POST", "/activelearning/first", Role.ANNOTATE),
        ("GET", "/datastore/image?image=nothing", Role.ANNOTATE),
        ("GET", "/datastore/dataset", Role.REVIEW),
        ("DELETE", "/datastore/label?id=nothing&tag=final", Role.REVIEW),
        ("GET", "/api/v1/labels?task=tiny_segmentation&image=mr_0", Role.ANNOTATE),
        ("POST", "/api/v1/labels/1/approve", Role.REVIEW),
        ("POST", "/api/v1/labels/1/return", Role.REVIEW),
        ("POST", "/api/v1/labels/1/revert", Role.REVIEW),
        ("POST", "/api/v1/labels/adjudicate", Role.REVIEW),
        ("POST", "/api/v1/labels/tiny_classification/nothing", Role.ANNOTATE),
        ("POST", "/train/nothing", Role.ADMINISTER),
        ("DELETE", "/train/", Role.ADMINISTER),
        ("POST", "/batch/infer/nothing", Role.ADMINISTER),
        ("DELETE", "/datastore/image?id=nothing", Role.ADMINISTER),
        ("GET", "/model/nothing", Role.ADMINISTER),
        ("GET", "/metrics", Role.ADMINISTER),
    ],
)
def test_a_route_asks_for_its_role(guarded, method, path, needed):
    for role in Role:
        refused = guarded.ask(method, path, role).status_code == 403
        assert refused is not role.includes(needed), role


def test_the_stock_client_works_with_a_token_as_its_password(guarded, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(guarded.authority))
    stranger = MONAILabelClient(guarded.server.url, tmpdir=str(guarded.server.clients))
    assert stranger.auth_enabled() is True
    with pytest.raises(MONAILabelClientException):
        stranger.auth_token("doctor", "wrong")
    client = guarded.client(guarded.tokens[Role.ANNOTATE])
    assert client.auth_valid_token() is True
    assert "tiny_segmentation" in client.info()["models"]
    sample = client.next_sample("first", {"model": "tiny_segmentation"})
    label, _ = client.infer("tiny_segmentation", sample["id"], {})
    image = guarded.server.studies / "mr_1.nii.gz"
    assert client.info()["name"] == "CrossLabel"  # with the length of the upload before it in its headers
    # A client that has uploaded once repeats the form's boundary, so a session needs a new one.
    client = guarded.client(guarded.tokens[Role.ANNOTATE])
    session = client.create_session(str(image))["session_id"]
    assert client.get_session(session)["name"] == session
    assert client.remove_session(session)
    assert client.save_label(sample["id"], label, "checked", {"task": "tiny_segmentation"})["label"] == sample["id"]
    assert Path(client.download_label(sample["id"], "checked")).stat().st_size > 0


def test_the_caller_is_told_who_they_are(guarded):
    assert guarded.ask("GET", "/auth/token/valid", Role.REVIEW).json() == {"username": "test review", "roles": ["review"]}


def test_a_revoked_token_is_refused_by_the_running_server(guarded):
    token = guarded.store.add("leaver", Role.ADMINISTER)
    header = {"Authorization": f"Bearer {token}"}
    assert guarded.ask("GET", "/info/", headers=header).status_code == 200
    guarded.store.revoke("leaver")
    # 429 where other tests failed to log in from this address within the same minute.
    assert guarded.ask("GET", "/info/", headers=header).status_code in (401, 429)


def test_a_stolen_browser_log_in_changes_nothing_from_another_site(guarded):
    answer = guarded.ask("DELETE", "/train/", Role.ADMINISTER, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert "another site" in answer.json()["detail"]


def test_no_site_may_read_answers_by_default(guarded):
    answer = guarded.ask("GET", "/info/", Role.ANNOTATE, headers={"Origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_plain_http_does_not_reach_the_server(guarded):
    with pytest.raises(requests.ConnectionError):
        requests.get(guarded.server.url.replace("https", "http") + "/info/", timeout=10)


def test_nothing_is_open_but_health_and_the_log_in(guarded, routes):
    hidden = [("GET", "/docs"), ("GET", "/openapi.json"), ("GET", "/"), ("GET", "/nothing"), ("PUT", "/datastore/")]
    for method, path in routes + hidden:
        answer = guarded.ask(method, path.replace("{", "").replace("}", ""))
        if path in OPEN:
            # The log-in itself is open and refuses the password that is missing here.
            assert answer.status_code in (200, 401 if path == "/auth/token" else 200), (method, path)
        else:
            # So many log-ins fail here that the later ones may be slowed down.
            assert answer.status_code in (401, 429), (method, path)
            if answer.status_code == 429:
                continue
            assert method == "HEAD" or answer.json()["detail"].startswith("Log in with a valid token")
            assert "Bearer" in answer.headers["WWW-Authenticate"]


def test_many_failures_are_slowed_down_and_shut_nobody_out_who_has_a_token(guarded):
    with requests.Session() as session:
        session.verify, session.trust_env = str(guarded.authority), False
        codes = [session.get(f"{guarded.server.url}/info/", timeout=10).status_code for _ in range(80)]
        late = session.post(f"{guarded.server.url}/auth/token", data={"username": "a", "password": "b"}, timeout=10)
    assert set(codes) <= {401, 429}
    assert codes[-1] == 429
    assert (late.status_code, int(late.headers["Retry-After"]) > 0) == (429, True)
    assert guarded.ask("GET", "/info/", Role.ANNOTATE).status_code == 200
