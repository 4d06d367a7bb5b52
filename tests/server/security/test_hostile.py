"""Hundreds of hostile requests over the OpenAPI document, against a real server with an administrator's token."""

import http.client
import json
import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from crosslabel.server.security.roles import Role
from hostile import described, over_bodies, over_files, over_parameters

# Overload and a full disk are honest answers.
HONEST_FAILURES = (503, 507)
# What the server writes in order to do its work.
OWN = {".crosslabel", ".lock", "datastore_v2.json", "clients", "logs"}
MAX_GROWTH_BYTES = 400 * 2**20


@pytest.fixture(scope="module")
def document(guarded):
    return guarded.ask("GET", "/openapi.json", Role.ADMINISTER).json()


@pytest.fixture(autouse=True)
def _nothing_is_written_elsewhere(guarded):
    before = files_around(guarded)
    memory = psutil.Process(guarded.server.process).memory_info().rss
    yield
    assert files_around(guarded) == before
    assert guarded.server.left_behind() == []
    assert not list(Path("/tmp").glob("crosslabel-was-here*"))
    assert psutil.Process(guarded.server.process).memory_info().rss - memory < MAX_GROWTH_BYTES


def files_around(guarded):
    """Every other file below the server's root."""
    root = guarded.server.studies.parent
    return {
        str(path.relative_to(root))
        for path in root.rglob("*")
        if path.is_file() and not path.name.startswith(".tmp-") and not OWN & set(path.relative_to(root).parts)
    }


def send(guarded, attacks):
    """Send over one connection, byte for byte; give each attack with status and body of its answer."""
    address = urlsplit(guarded.server.url)
    context = ssl.create_default_context(cafile=str(guarded.authority))
    connection = http.client.HTTPSConnection(address.hostname, address.port, timeout=60, context=context)
    for attack in attacks:
        for name in ("_validate_path", "_validate_host"):
            setattr(connection, name, lambda text: None)
        headers = {"Authorization": f"Bearer {guarded.tokens[Role.ADMINISTER]}", "Content-Type": attack.content_type}
        try:
            connection.request(attack.method, attack.target, attack.body, headers)
            answer = connection.getresponse()
            yield attack, answer.status, answer.read()
        except (TimeoutError, http.client.HTTPException, ConnectionError) as error:
            raise AssertionError(f"no answer to {described(attack)}") from error


def check(guarded, attacks):
    secret = socket.gethostname().encode()
    count, failures = 0, []
    for attack, status, body in send(guarded, attacks):
        count += 1
        if status >= 500 and status not in HONEST_FAILURES:
            failures.append((described(attack), status))
        assert b"Traceback" not in body, described(attack)
        assert secret not in body or len(secret) < 6, described(attack)
        if status >= 400 and attack.method != "HEAD":
            answer = json.loads(body)
            assert set(answer) == {"detail", "request_id"}, described(attack)
            assert answer["request_id"], described(attack)
    assert failures == []
    return count


def test_no_parameter_of_any_route_reads_or_writes_elsewhere_or_fails(guarded, document):
    assert check(guarded, over_parameters(document)) >= 300


def test_no_body_makes_a_route_fail(guarded, document):
    assert check(guarded, over_bodies(document)) >= 100


def test_no_file_is_believed_by_its_name(guarded):
    attacks = list(over_files(guarded.server.studies))
    try:
        assert check(guarded, attacks) == len(attacks) >= 100
    finally:
        guarded.ask("DELETE", "/datastore/image?id=hostile", Role.ADMINISTER)
        guarded.ask("DELETE", "/datastore/label?id=mr_0&tag=hostile", Role.ADMINISTER)
        for session in (guarded.server.studies.parent / "sessions").glob("*"):
            guarded.ask("DELETE", f"/session/{session.name}", Role.ADMINISTER)


def test_a_good_request_is_still_answered_afterwards(guarded):
    assert guarded.ask("POST", "/infer/tiny_segmentation?image=mr_0", Role.ANNOTATE).status_code == 200
