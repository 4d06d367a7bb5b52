"""Sizes, addresses and silences, against a real server."""

import json
import socket
import ssl
import time

import anyio
import pytest
from starlette.testclient import TestClient

from crosslabel.server.limits.messages import MessageLimits
from crosslabel.server.security.roles import Role
from guarded_server import MAX_UPLOAD


def raw_request(guarded, head: str, body: bytes = b"") -> tuple[int, str]:
    """Status and body of the answer to bytes that no client library would send."""
    host, port = "127.0.0.1", int(guarded.server.url.rsplit(":", 1)[1])
    context = ssl.create_default_context(cafile=str(guarded.authority))
    token = guarded.tokens[Role.ANNOTATE]
    head = f"{head}Host: {host}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    plain = socket.create_connection((host, port), timeout=20)
    with context.wrap_socket(plain, server_hostname=host) as stream:
        stream.sendall(head.encode() + body)
        received = b""
        while part := stream.recv(65536):
            received += part
            if b"\r\n\r\n" in received and received.endswith(b"}"):
                break
    head, _, text = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), text.decode()


def test_a_declared_upload_that_is_too_large_is_refused_before_it_is_sent(guarded):
    started = time.monotonic()
    head = "PUT /datastore/image?image=big HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: {}\r\n"
    status, text = raw_request(guarded, head.format(2 * 10**9))
    assert status == 413
    assert "larger than" in json.loads(text)["detail"]
    assert time.monotonic() - started < 5


def test_an_upload_that_hides_its_size_is_stopped_when_it_passes_the_limit(guarded):
    def parts():
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="big.nii"\r\n\r\n'
        for _ in range(2 * MAX_UPLOAD // 65536):
            yield b"\0" * 65536

    answer = guarded.ask(
        "PUT",
        "/datastore/image?image=big",
        Role.ANNOTATE,
        data=parts(),
        headers={"Content-Type": "multipart/form-data; boundary=x"},
    )
    assert answer.status_code == 413
    assert guarded.server.left_behind() == []


def test_json_is_small(guarded):
    answer = guarded.ask("POST", "/activelearning/first", Role.ANNOTATE, data=b'{"a": "' + b"x" * 2**21 + b'"}')
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"[" * 100_000, "nested deeper"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "nested deeper"),
        (b'{"a": NaN}', "not valid JSON"),
        (b'{"a": 1e999}', "not valid JSON"),
        (b'{"a": "\\ud800"}', "not valid JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"{", "not valid JSON"),
    ],
)
def test_json_that_would_later_break_something_is_refused(guarded, body, says):
    headers = {"Content-Type": "application/json"}
    answer = guarded.ask("POST", "/activelearning/first", Role.ANNOTATE, data=body, headers=headers)
    assert answer.status_code == 400
    assert says in answer.json()["detail"]


def test_brackets_in_strings_are_no_nesting(guarded):
    body = {"task": "tiny_segmentation", "note": "[" * 500, "quoted": '\\"[' * 50}
    assert guarded.ask("POST", "/activelearning/first", Role.ANNOTATE, json=body).status_code == 200


@pytest.mark.parametrize("path", ["/datastore/image?image=a%00b", "/infer/x%0d%0aSet-Cookie:y", "/session/%1b[2J"])
def test_control_characters_in_an_address_are_refused(guarded, path):
    answer = guarded.ask("GET", path, Role.ADMINISTER)
    assert answer.status_code == 400
    assert "control characters" in answer.json()["detail"]


def test_a_very_long_address_is_refused(guarded):
    assert guarded.ask("GET", "/datastore/image?image=" + "x" * 9000, Role.ANNOTATE).status_code == 414


def test_a_client_that_stalls_is_given_up():
    async def app(scope, receive, send):
        raise AssertionError("a body that never ends must not reach a route")

    async def silence():
        await anyio.sleep_forever()

    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": [], "state": {}}
    limits = MessageLimits(app, max_upload_bytes=10, idle_seconds=0.05)
    anyio.run(limits, scope, silence, send)
    assert sent[0]["status"] == 408
    assert "stalled" in json.loads(sent[1]["body"])["detail"]


def test_a_body_reaches_the_route_as_it_was_sent():
    async def app(scope, receive, send):
        message = await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": message["body"]})

    client = TestClient(MessageLimits(app, max_upload_bytes=10))
    assert client.post("/", json={"a": [1, {"b": "ü"}]}).json() == {"a": [1, {"b": "ü"}]}
    assert client.post("/").content == b""
