"""Health, numbers, logs and the audit log of a real server."""

import json

import pytest

from crosslabel.server.health import check_health
from crosslabel.server.security.roles import Role
from waiting import until


def entries(guarded):
    """The audit log, oldest first."""
    files = sorted((guarded.server.studies / ".crosslabel" / "audit").glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def logged(guarded, request_id):
    """The log's entry for a request; it is written once the answer is sent."""
    lines = until(
        lambda: [line for line in guarded.log.read_text().splitlines() if request_id in line],
        f"nothing in the log about {request_id}",
    )
    return json.loads(lines[0])


def test_a_server_that_can_work_is_ready(server):
    answer = server.get("/health")
    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "checks": {"tasks": True, "studies_writable": True, "disk_space": True}}


def test_a_server_without_tasks_or_studies_is_not_ready(tmp_path):
    assert check_health(tmp_path, tasks=0).ready is False
    missing = check_health(tmp_path / "gone", tasks=1)
    assert (missing.ready, missing.checks["studies_writable"], missing.checks["disk_space"]) == (False, False, False)


def test_requests_inference_and_memory_are_counted(guarded):
    for _ in range(2):
        guarded.ask("POST", "/infer/tiny_segmentation?image=mr_0", Role.ANNOTATE).raise_for_status()
    answer = guarded.ask("GET", "/metrics", Role.ADMINISTER)
    assert answer.headers["Content-Type"].startswith("text/plain")
    lines = answer.text.splitlines()
    numbers = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    infer = 'method="POST",route="/infer/{model}"'
    assert float(numbers[f'crosslabel_requests_total{{{infer},status="200"}}']) >= 2
    assert float(numbers[f"crosslabel_request_seconds_count{{{infer}}}"]) >= 2
    assert float(numbers['crosslabel_inference_seconds_count{task="tiny_segmentation"}']) >= 2
    assert float(numbers['crosslabel_running{lane="inference"}']) == 0
    assert float(numbers["crosslabel_trainings"]) == 0
    assert float(numbers["process_resident_memory_bytes"]) > 1e8


def test_the_numbers_name_no_image_and_grow_with_no_invented_address(guarded):
    for number in range(5):
        guarded.ask("GET", f"/invented-{number}", Role.ANNOTATE)
        guarded.ask("GET", f"/datastore/image?image=invented-{number}", Role.ANNOTATE)
    guarded.ask("INVENT", "/info/", Role.ANNOTATE)
    text = guarded.ask("GET", "/metrics", Role.ADMINISTER).text.lower()
    assert "invent" not in text
    assert "mr_0" not in text


def test_a_request_stands_in_the_log_under_its_id_without_the_image(guarded):
    answer = guarded.ask("GET", "/datastore/image?image=mr_2", Role.REVIEW)
    entry = logged(guarded, answer.headers["X-Request-ID"])
    assert (entry["route"], entry["status"], entry["caller"]) == ("/datastore/image", 200, "test review")
    assert entry["milliseconds"] > 0
    assert "mr_2" not in json.dumps(entry)


@pytest.mark.parametrize(
    ("method", "path", "named"),
    [
        ("POST", "/infer/tiny_segmentation?image=mr_1", {"task": "tiny_segmentation", "image": "mr_1"}),
        ("GET", "/datastore/image?image=mr_1", {"image": "mr_1"}),
        ("GET", "/datastore/label?label=nothing&tag=final", {"image": "nothing"}),
        ("POST", "/train/tiny_untrained", {"task": "tiny_untrained"}),
        ("DELETE", "/datastore/image?id=nothing", {"image": "nothing"}),
    ],
)
def test_what_touches_an_image_or_changes_something_stands_in_the_audit_log(guarded, method, path, named):
    answer = guarded.ask(method, path, Role.ADMINISTER)
    (entry,) = [entry for entry in entries(guarded) if entry.get("request") == answer.headers["X-Request-ID"]]
    assert entry["who"] == "test administer"
    assert entry["what"].split()[0] == method
    assert entry["status"] == answer.status_code
    assert {name: entry.get(name) for name in named} == named


def test_the_next_sample_is_audited_with_the_image_that_was_handed_out(guarded):
    answer = guarded.ask("POST", "/activelearning/first", Role.ANNOTATE, json={"task": "tiny_classification"})
    (entry,) = [entry for entry in entries(guarded) if entry.get("request") == answer.headers["X-Request-ID"]]
    assert (entry["task"], entry["image"]) == ("tiny_classification", answer.json()["id"])


def test_reading_what_shows_no_image_and_what_was_refused_at_the_door_are_not_audited(guarded):
    answers = [guarded.ask("GET", path, Role.ANNOTATE) for path in ("/info/", "/api/v1/tasks")]
    answers.append(guarded.ask("GET", "/datastore/image?image=mr_0"))
    ids = {answer.headers["X-Request-ID"] for answer in answers}
    assert not [entry for entry in entries(guarded) if entry.get("request") in ids]


def test_the_start_stands_in_the_audit_log(guarded):
    assert entries(guarded)[0]["who"] == "server"
    assert entries(guarded)[0]["tokens_required"] is True
