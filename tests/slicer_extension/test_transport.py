"""Requests: time-outs, retries, TLS, token, progress, cancelling, and failures in one sentence."""

import gzip
import json
import os
import socket
import ssl
import threading
import time
from pathlib import Path

import pytest
import trustme

from CrossLabelLib.client.errors import ServerError
from CrossLabelLib.client.job import Job
from CrossLabelLib.client.transport import Transport
from stand_in import Answer, stand_in


def refused(call) -> ServerError:
    with pytest.raises(ServerError) as caught:
        call()
    return caught.value


@pytest.fixture
def transport(other_server):
    return Transport(other_server.url, "a-token", timeouts=(2.0, 2.0))


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("localhost:8000/", "http://localhost:8000"),
        ("127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("labels.hospital.example", "https://labels.hospital.example"),
        (" https://labels.hospital.example/monai/ ", "https://labels.hospital.example/monai"),
    ],
)
def test_an_address_is_completed_and_only_this_machine_is_asked_without_tls(typed, url):
    assert Transport(typed).url == url


@pytest.mark.parametrize("typed", ["", "ftp://server", "http://", "a b", "http://user:word@server", "server:notaport"])
def test_what_is_no_address_is_refused_with_an_example(typed):
    assert "https://server.example:8000" in refused(lambda: Transport(typed)).sentence


def test_the_token_travels_in_the_header_and_netrc_is_never_read(other_server, transport, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password secret")
    monkeypatch.setenv("NETRC", str(netrc))
    other_server.on("GET", "/x", {})
    transport.json("GET", "/x")
    Transport(other_server.url).json("GET", "/x")
    assert [request.headers.get("Authorization") for request in other_server.requests] == ["Bearer a-token", None]


def test_a_busy_server_is_asked_again_for_what_changes_nothing(other_server, transport):
    answers = iter([Answer({"detail": "busy"}, 503, headers={"Retry-After": "0"}), Answer({"fine": 1})])
    other_server.on("GET", "/x", lambda request: next(answers))
    assert transport.json("GET", "/x") == {"fine": 1}


def test_what_may_change_something_is_sent_once(other_server, transport, tmp_path):
    other_server.on("PUT", "/x", Answer({"detail": "The server is busy."}, 503))
    file = tmp_path / "label.nrrd"
    file.write_bytes(b"voxels")
    error = refused(lambda: transport.upload("PUT", "/x", "label", file, query={}, form={}, job=Job()))
    assert (error.kind, len(other_server.requests)) == ("busy", 1)


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [
        (401, "unauthorized", "token"),
        (403, "forbidden", "role"),
        (404, "missing", "does not have"),
        (413, "refused", "larger"),
        (502, "bad answer", "does not run"),
        (507, "bad answer", "disk is full"),
        (418, "refused", "418"),
    ],
)
def test_a_refusal_without_words_becomes_a_sentence(other_server, transport, status, kind, says):
    other_server.on("DELETE", "/x", Answer(b"<html>proxy</html>", status, "text/html"))
    error = refused(lambda: transport.json("DELETE", "/x"))
    assert (error.kind, error.status) == (kind, status)
    assert says in error.sentence


def test_the_servers_own_sentence_is_kept_with_the_requests_id(other_server, transport):
    detail = {"detail": "Task x has no checkpoint yet; train it.", "request_id": "abc"}
    other_server.on("POST", "/x", Answer(detail, 409))
    error = refused(lambda: transport.json("POST", "/x", body={}))
    assert (error.sentence, error.kind, error.request_id) == (detail["detail"], "refused", "abc")


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"<!DOCTYPE html><html>log in</html>", "a web page"), (b"\x00\xff", "not JSON"), (b'{"cut": ', "not JSON")],
)
def test_an_answer_that_is_no_json_is_named_as_what_it_is(other_server, transport, content, says):
    other_server.on("GET", "/x", Answer(content))
    error = refused(lambda: transport.json("GET", "/x"))
    assert error.kind == "bad answer"
    assert says in error.sentence


def test_a_redirect_is_not_followed_so_that_no_token_goes_elsewhere(other_server, transport):
    with stand_in() as elsewhere:
        other_server.on("GET", "/x", Answer({}, 307, headers={"Location": f"{elsewhere.url}/x"}))
        assert elsewhere.url in refused(lambda: transport.json("GET", "/x")).sentence
        assert elsewhere.requests == []


def test_a_server_that_does_not_answer_in_time_is_given_up(other_server):
    other_server.on("GET", "/x", lambda request: other_server.wait(30) or Answer({}))
    error = refused(lambda: Transport(other_server.url, timeouts=(1.0, 0.2)).json("GET", "/x"))
    assert (error.kind, "in time" in error.sentence) == ("timeout", True)


def test_a_port_where_nobody_listens_is_unreachable():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        error = refused(lambda: Transport(url, timeouts=(0.5, 0.5)).json("POST", "/x"))
    assert (error.kind, "whether it runs" in error.sentence) == ("unreachable", True)


def test_an_answer_that_breaks_off_is_an_error_and_leaves_no_file(other_server, transport, tmp_path):
    other_server.on("GET", "/file", Answer(b"x" * 1000, headers={"Content-Disposition": 'filename="a.nii.gz"'}, cut=10))
    error = refused(lambda: transport.download("/file", tmp_path, "a", job=Job()))
    assert error.kind == "unreachable"
    assert list(tmp_path.iterdir()) == []


def test_a_download_reports_its_bytes_and_gets_the_servers_suffix_but_never_its_name(other_server, transport, tmp_path):
    content, seen = os.urandom(700_000), []
    other_server.on("GET", "/file", Answer(content, headers={"Content-Disposition": 'filename="../../evil.nii.gz"'}))
    job = Job(lambda done, total: seen.append((done, total)))
    path = transport.download("/file", tmp_path, "case 1/2", job=job)
    assert (path, path.read_bytes() == content) == (tmp_path / "case_1_2.nii.gz", True)
    assert seen[-1] == (700_000, 700_000)
    assert sorted(seen) == seen


def test_an_upload_arrives_whole_with_its_fields_and_reports_its_bytes(other_server, transport, tmp_path):
    file, seen = tmp_path / 'a"b.nrrd', []
    file.write_bytes(gzip.compress(os.urandom(300_000)))
    other_server.on("PUT", "/x", {"taken": True})
    job = Job(lambda done, total: seen.append((done, total)))
    answer = transport.upload("PUT", "/x", "label", file, query={"image": "ü 1"}, form={"params": '{"a": 1}'}, job=job)
    request = other_server.requests[0]
    assert answer.params == {"taken": True}
    assert request.query == {"image": "ü 1"}
    assert file.read_bytes() in request.body
    assert b'name="params"' in request.body
    assert b'{"a": 1}' in request.body
    # What was reported are bytes of the body, up to all of them.
    assert any(done == total == len(request.body) for done, total in seen)


def test_cancelling_ends_an_upload_under_way(other_server, transport, tmp_path):
    file = tmp_path / "big.nrrd"
    file.write_bytes(bytes(50_000_000))
    job = Job(lambda done, total: job.cancel() if done > 1_000_000 else None)
    error = refused(lambda: transport.upload("PUT", "/x", "label", file, query={}, form={}, job=job))
    assert error.kind == "cancelled"
    assert other_server.requests == []


def test_cancelling_ends_the_pause_before_another_try(other_server, transport):
    other_server.on("GET", "/x", Answer({}, 503, headers={"Retry-After": "5"}))
    job = Job()
    threading.Timer(0.1, job.cancel).start()
    start = time.monotonic()
    assert refused(lambda: transport.json("GET", "/x", job=job)).kind == "cancelled"
    assert time.monotonic() - start < 4


def test_a_certificate_is_trusted_only_through_its_authority(tmp_path):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    bundle = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    with stand_in(context) as secure:
        secure.on("GET", "/x", {"fine": 1})
        assert "certificate" in refused(lambda: Transport(secure.url).json("DELETE", "/x")).sentence
        assert Transport(secure.url, verify=str(bundle)).json("GET", "/x") == {"fine": 1}


def test_a_proxy_of_the_network_is_not_asked_for_this_machine(other_server, transport, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    other_server.on("GET", "/x", [1])
    assert transport.json("GET", "/x") == [1]


def test_a_form_of_two_parts_is_read_and_one_that_is_cut_is_refused(other_server, transport):
    voxels = gzip.compress(os.urandom(5000)) + b"\r\n--x\r\n"
    parts = (
        b'--limit\r\nContent-Disposition: form-data; name="params"\r\nContent-Type: application/json\r\n\r\n'
        + json.dumps({"label_names": {"liver": 2}}).encode()
        + b'\r\n--limit\r\nContent-Disposition: form-data; name="image"; filename="label-1.nii.gz"\r\n\r\n'
        + voxels
        + b"\r\n--limit--\r\n"
    )
    other_server.on("POST", "/good", Answer(parts, type="multipart/form-data; boundary=limit"))
    other_server.on("POST", "/cut", Answer(parts[:-8], type="multipart/form-data; boundary=limit"))
    options = {"query": {}, "form": {"params": "{}"}, "job": Job(), "patience": 5}
    answer = transport.form("/good", **options)
    assert (answer.params, answer.file, answer.suffix) == ({"label_names": {"liver": 2}}, voxels, ".nii.gz")
    assert "ends too early" in refused(lambda: transport.form("/cut", **options)).sentence


def test_a_file_that_is_not_there_is_said_so_before_anything_is_sent(other_server, transport):
    missing = Path("/nowhere/label.nrrd")
    error = refused(lambda: transport.upload("PUT", "/x", "label", missing, query={}, form={}, job=Job()))
    assert ("label.nrrd" in error.sentence, other_server.requests) == (True, [])
