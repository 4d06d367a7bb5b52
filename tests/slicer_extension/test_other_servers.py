"""Servers that are slow, die, lie, or are no server of CrossLabel's at all."""

import json
import threading

import numpy as np
import pytest
import SimpleITK as sitk

slicer = pytest.importorskip("slicer", reason="slicer-core has no wheel for this machine, so MRML cannot be tested here")

from CrossLabelLib.client.errors import ServerError  # noqa: E402
from CrossLabelLib.client.results import Case  # noqa: E402
from CrossLabelLib.keeping import UnsavedWorkError  # noqa: E402
from scattered import labels_of, write  # noqa: E402
from stand_in import Answer, stand_in  # noqa: E402

TASK = {
    "name": "blobs",
    "title": "Two blobs",
    "kind": "segmentation",
    "dimension": 3,
    "labels": [{"name": "first", "value": 2, "color": "#ff0000"}, {"name": "second", "value": 7, "color": "#00ff00"}],
    "classes": [],
    "domains": [{"name": "mr", "role": "target", "modality": "MR", "sequence": None}],
    "checkpoint": {"available": True, "name": "blobs v1", "demonstration": False},
}


def file_answer(path, name) -> Answer:
    return Answer(path.read_bytes(), type="application/octet-stream", headers={"Content-Disposition": f'filename="{name}"'})


def form_answer(params, path) -> Answer:
    parts = (
        b'--x\r\nContent-Disposition: form-data; name="params"\r\nContent-Type: application/json\r\n\r\n'
        + json.dumps(params).encode()
        + b'\r\n--x\r\nContent-Disposition: form-data; name="image"; filename="label.nrrd"\r\n\r\n'
        + path.read_bytes()
        + b"\r\n--x--\r\n"
    )
    return Answer(parts, type="multipart/form-data; boundary=x")


@pytest.fixture
def blobs(other_server, tmp_path):
    """A server of one task and one image that speaks CrossLabel's interface."""
    write(labels_of(0).astype(np.float32), tmp_path / "image.nrrd")
    write(labels_of(1), tmp_path / "label.nrrd")
    other_server.on("GET", "/info/", {"name": "CrossLabel", "strategies": {"random": {"description": "Random"}}})
    capabilities = ["api/v1", "learning", "training"]
    other_server.on("GET", "/api/v1/capabilities", {"version": "0.1.0", "capabilities": capabilities})
    other_server.on("GET", "/api/v1/tasks", [TASK])
    other_server.on("GET", "/datastore/image", file_answer(tmp_path / "image.nrrd", "case.nrrd"))
    other_server.on("POST", "/infer/blobs", form_answer({"label_names": {"first": 2, "second": 7}}, tmp_path / "label.nrrd"))
    other_server.on("GET", "/api/v1/learning/blobs", {"switch": "off", "state": "idle"})
    return other_server


@pytest.fixture
def session(blobs, new_session, loop, settings):
    settings.set("propose_on_load", False)
    found = new_session()
    found.connect(blobs.url)
    loop.until(lambda: found.task)
    found.work.open(Case("case"))
    loop.until(lambda: found.work.case)
    return found


def edit(session) -> None:
    content = session.scene.segmentation.GetSegmentation()
    content.AddEmptySegment("note", "a note")


def failed(session, loop) -> ServerError:
    loop.until(lambda: session.error)
    return session.error


def test_the_only_task_of_a_server_is_chosen_by_itself(session):
    assert (session.task.name, session.task.labels[1].value) == ("blobs", 7)


def test_during_a_slow_answer_everything_else_goes_on_and_the_answer_is_shown_at_last(session, blobs, loop, tmp_path):
    answer = form_answer({"label_names": {"first": 2, "second": 7}}, tmp_path / "label.nrrd")
    blobs.on("POST", "/infer/blobs", lambda request: blobs.wait(1.5) or answer)
    blobs.on("GET", "/api/v1/learning/blobs/cases", {"total": 1, "cases": [{"id": "case", "state": "leased"}]})
    session.prediction.propose()
    session.list_cases()
    loop.until(lambda: session.cases)
    assert session.activity == "Predicting"
    assert session.prediction.proposal is None
    loop.until(lambda: session.prediction.proposal)
    assert session.activity == ""


def test_a_slow_answer_can_be_cancelled_and_never_arrives(session, blobs, loop, tmp_path):
    answer = form_answer({"label_names": {"first": 2, "second": 7}}, tmp_path / "label.nrrd")
    blobs.on("POST", "/infer/blobs", lambda request: blobs.wait(0.3) or answer)
    session.prediction.propose()
    session.cancel()
    assert session.activity == ""
    blobs.on("GET", "/api/v1/learning/blobs/cases", lambda request: blobs.wait(0.6) or Answer({"total": 0, "cases": []}))
    session.list_cases()
    loop.until(lambda: session.cases)
    assert (session.prediction.proposal, session.error) == (None, None)


def test_a_server_that_dies_is_noticed_and_found_again_and_what_was_drawn_is_sent_then(session, blobs, loop):
    edit(session)
    blobs.on("PUT", "/datastore/label", Answer(b"{", cut=0))
    session.submission.submit("kept", confirmed=True)
    error = failed(session, loop)
    assert "look before you do it again" in error.sentence
    assert not session.online
    assert session.work.unsaved
    with pytest.raises(UnsavedWorkError):
        session.work.next()
    loop.until(lambda: session.online)
    blobs.on("PUT", "/datastore/label", {"task": "blobs", "version": 1, "id": 1})
    session.submission.submit("kept", confirmed=True)
    loop.until(lambda: session.submission.saved)
    assert not session.work.unsaved
    assert len(blobs.asked("PUT", "/datastore/label")) == 2


def test_a_stroke_that_is_made_while_the_label_is_sent_is_still_unsaved_afterwards(session, blobs, loop):
    edit(session)
    blobs.on("PUT", "/datastore/label", lambda request: blobs.wait(0.3) or Answer({"task": "blobs", "version": 1}))
    session.submission.submit(confirmed=True)
    session.scene.segmentation.GetSegmentation().AddEmptySegment("late", "late")
    with pytest.raises(ServerError, match="being sent"):
        session.submission.submit(confirmed=True)
    loop.until(lambda: session.submission.saved)
    assert session.work.unsaved


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Answer(b"<html>502</html>", type="text/html"), "a web page"),
        (Answer(b'{"half": ', type="application/json"), "not JSON"),
        (Answer({"params": {}}), "without a file"),
        (Answer([]), "not what it should be"),
        (Answer(b"--x\r\n", type="multipart/form-data; boundary=x"), "ends too early"),
        (Answer(b"{}", type="multipart/form-data"), "no boundary"),
        (Answer({"detail": "The network failed."}, 500), "The network failed."),
    ],
    ids=["HTML", "half JSON", "no file", "a list", "a cut form", "no boundary", "a defect"],
)
def test_an_answer_that_is_none_is_said_in_a_sentence_and_what_is_drawn_stays(session, blobs, loop, answer, says):
    facts = session.scene.facts()
    blobs.on("POST", "/infer/blobs", answer)
    session.prediction.propose()
    assert says in failed(session, loop).sentence
    assert session.scene.facts() == facts
    assert session.prediction.proposal is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda image: image[1:], "elsewhere"),
        (lambda image: sitk.Cast(image, sitk.sitkFloat32), "whole numbers"),
        (lambda image: image + 1, "does not name"),
    ],
    ids=["another size", "fractions", "unnamed values"],
)
def test_labels_that_lie_are_refused_and_what_is_drawn_stays(session, blobs, loop, tmp_path, change, says):
    facts = session.scene.facts()
    sitk.WriteImage(change(sitk.ReadImage(str(tmp_path / "label.nrrd"))), str(tmp_path / "wrong.nrrd"))
    blobs.on("POST", "/infer/blobs", form_answer({"label_names": {"first": 2, "second": 7}}, tmp_path / "wrong.nrrd"))
    session.prediction.propose()
    assert says in failed(session, loop).sentence
    assert session.scene.facts() == facts
    assert session.prediction.proposal is None


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/info/", b"<!doctype html><title>Router</title>"),
        ("/info/", b"[]"),
        ("/info/", b'{"hello": "world"}'),
        ("/api/v1/tasks", b'{"tasks": 1}'),
        ("/api/v1/tasks", b'[{"name": 3}]'),
        ("/api/v1/tasks", b'[{"name": "a", "kind": "poem"}]'),
        ("/api/v1/tasks", b'[{"name": "a", "kind": "segmentation", "labels": [{"name": "b", "value": "two"}]}]'),
    ],
)
def test_what_is_no_server_of_labels_is_not_taken_for_one(blobs, new_session, loop, path, content):
    blobs.on("GET", path, Answer(content))
    if b"world" in content:
        blobs.on("GET", "/api/v1/capabilities", Answer({}, 404))
    session = new_session()
    session.connect(blobs.url)
    assert failed(session, loop).kind == "bad answer"
    assert (session.server, session.online, session.activity) == (None, False, "")
    assert session.settings.servers == []


def test_a_server_that_wants_a_token_says_so_and_takes_it(blobs, new_session, loop):
    def guarded(request):
        known = request.headers.get("Authorization") == "Bearer right"
        return Answer({"name": "CrossLabel"}) if known else Answer({"detail": "Not authenticated"}, 401)

    blobs.on("GET", "/info/", guarded)
    session = new_session()
    session.connect(blobs.url, "wrong")
    assert failed(session, loop).kind == "unauthorized"
    session.connect(blobs.url, "right")
    loop.until(lambda: session.server)


def test_nothing_is_sent_before_the_person_connects(new_session, loop, blobs):
    session = new_session()
    for call in (session.work.next, session.prediction.propose, session.watch.train, session.list_cases):
        with pytest.raises(ServerError, match="Connect to a server first"):
            call()
    for _ in range(20):
        loop.turn()
    assert blobs.requests == []


def test_connecting_elsewhere_never_throws_unsaved_work_away(session, loop):
    edit(session)
    with stand_in() as elsewhere:
        with pytest.raises(UnsavedWorkError):
            session.connect(elsewhere.url)
        with pytest.raises(UnsavedWorkError):
            session.disconnect()
        assert elsewhere.requests == []


def test_a_listener_that_fails_keeps_nobody_else_from_hearing(session, loop, blobs):
    heard = []
    session.observe(lambda part: 1 / 0)
    session.observe(heard.append)
    session.notify("case")
    assert heard == ["case"]


def test_the_session_leaves_no_file_and_no_thread_that_hinders_the_end(session, blobs, loop):
    blobs.on("POST", "/infer/blobs", lambda request: blobs.wait(20) or Answer({}))
    session.prediction.propose()
    folder = session.work.folder
    session.close()
    assert not folder.exists()
    waiting = [thread for thread in threading.enumerate() if thread.name.startswith("CrossLabel")]
    # Python does not wait for daemons.
    assert all(thread.daemon for thread in waiting)
