"""Following what a server learns, by a server that tells all that the interface has words for."""

import pytest

from CrossLabelLib.background import Background
from CrossLabelLib.client.errors import ServerError
from CrossLabelLib.client.learning_results import Curves, Estimate, LabelCounts, Progress, Source
from CrossLabelLib.client.results import SliceWeight
from CrossLabelLib.session import Session
from stand_in import Answer

PROGRESS = {"state": "training", "epoch": 3, "epochs": 10, "eta_seconds": 70.5, "elapsed_seconds": 30, "best_metric": 0.8}
LEARNING = {
    "switch": "on",
    "state": "training",
    "progress": PROGRESS,
    "curves": {"losses": {"dice": [[1, 0.9], [2, 0.7]]}, "metrics": {"dice": [[2, 0.5], [3, None]]}},
    "labels": {"final": 12, "held_back": 3, "since_last_training": 4, "pool": 88},
    "versions": [
        {
            "number": 2,
            "name": "blobs v2",
            "published": "2026-11-01T10:00:00Z",
            "metric": "dice",
            "value": 0.81,
            "metric_on": "3 held-back labels",
            "labels": 9,
            "active": True,
            "promoted": True,
            "reason": "better than v1",
        },
        {"number": 3, "name": "blobs v3", "metric": None, "value": None, "active": False, "promoted": False},
    ],
    "estimate": {"dice": 0.8, "low": 0.74, "high": 0.85, "on": "88 unlabelled images"},
    "advice": "Label ten more.",
    "message": "",
    "strategies": [{"name": "bald", "title": "Most to learn from"}],
}
ADAPTATION = {
    "sources": [
        {"name": "ct", "images": 20, "modality": "CT", "sequence": None},
        {"name": "broken", "images": 0, "problem": "It has no labels."},
    ],
    "methods": [{"name": "full", "title": "All together"}],
    "run": {"name": "r1", "state": "training", "method": "full", "source": "ct", "progress": PROGRESS, "report": False},
}
TASK = {"name": "blobs", "title": "", "kind": "classification", "dimension": 3, "classes": ["a", "b"], "labels": []}


class NoScene:
    """Watching touches no scene."""

    on_edit = None

    def get(self, name):
        return None

    def clear(self):
        pass


@pytest.fixture
def teacher(other_server):
    """A server that offers learning and adaptation."""
    capabilities = ["api/v1", "learning", "adaptation", "training", "heatmaps", "uncertainty", "class-labels"]
    other_server.on("GET", "/info/", {"name": "CrossLabel"})
    other_server.on("GET", "/api/v1/capabilities", {"version": "0.2.0", "capabilities": capabilities})
    other_server.on("GET", "/api/v1/tasks", [TASK])
    other_server.on("GET", "/api/v1/learning/blobs", LEARNING)
    other_server.on("GET", "/api/v1/adaptation/blobs", ADAPTATION)
    return other_server


@pytest.fixture
def session(teacher, loop, settings):
    found = Session(NoScene(), Background(loop.later, 5), settings=settings)
    found.connect(teacher.url)
    loop.until(lambda: found.watch.learning)
    yield found
    found.close()


def test_all_that_is_told_is_understood(session):
    state = session.watch.learning
    assert (state.switch, state.state, state.running) == ("on", "training", True)
    assert state.progress == Progress("training", 3, 10, 30, 70.5, 0.8)
    assert state.progress.fraction == pytest.approx(0.3)
    assert state.curves.losses == {"dice": ((1.0, 0.9), (2.0, 0.7))}
    # A metric that could not be measured is a gap in the curve.
    (first, second) = state.curves.metrics["dice"]
    assert first == (2.0, 0.5)
    assert second[1] != second[1]
    assert state.labels == LabelCounts(12, 3, 4, 88)
    assert [(version.number, version.active, version.promoted) for version in state.versions] == [
        (2, True, True),
        (3, False, False),
    ]
    assert state.estimate == Estimate(0.8, 0.74, 0.85, "88 unlabelled images")
    assert (state.advice, state.strategies) == ("Label ten more.", (("bald", "Most to learn from"),))
    adaptation = session.watch.adaptation
    assert adaptation.sources == (Source("ct", 20, "CT"), Source("broken", 0, problem="It has no labels."))
    assert (adaptation.run.progress.epoch, adaptation.run.curves) == (3, Curves())


def test_a_change_is_told_once_and_none_is_not(session, teacher, loop):
    heard = []
    session.observe(heard.append)
    asked = len(teacher.asked("GET", "/api/v1/adaptation/blobs"))
    loop.until(lambda: len(teacher.asked("GET", "/api/v1/adaptation/blobs")) >= asked + 2)
    assert "adaptation" not in heard
    teacher.on("GET", "/api/v1/adaptation/blobs", {**ADAPTATION, "run": None})
    loop.until(lambda: session.watch.adaptation.run is None)
    assert heard.count("adaptation") == 1


@pytest.mark.parametrize(
    ("call", "method", "path", "body"),
    [
        (lambda watch: watch.switch("paused"), "POST", "/api/v1/learning/blobs/switch", {"switch": "paused"}),
        (lambda watch: watch.train(), "POST", "/train/blobs", {}),
        (lambda watch: watch.stop_training(), "DELETE", "/train/", None),
        (lambda watch: watch.activate(2), "POST", "/api/v1/versions/blobs/2/activate", None),
        (
            lambda watch: watch.adapt("ct", "full", epochs=5),
            "POST",
            "/api/v1/adaptation/blobs",
            {"source": "ct", "method": "full", "settings": {"epochs": 5}},
        ),
        (lambda watch: watch.stop_adaptation(), "DELETE", "/api/v1/adaptation/blobs", None),
    ],
    ids=["switch", "train", "stop", "roll back", "adapt", "stop adapting"],
)
def test_what_a_person_does_is_sent_and_its_effect_looked_at_at_once(session, teacher, loop, call, method, path, body):
    teacher.on(method, path, {})
    looked = len(teacher.asked("GET", "/api/v1/learning/blobs"))
    call(session.watch)
    loop.until(lambda: teacher.asked(method, path) and not session.activity)
    assert teacher.asked(method, path)[0].json == body
    loop.until(lambda: len(teacher.asked("GET", "/api/v1/learning/blobs")) > looked, 0.9)


def test_a_refusal_is_shown_and_watching_goes_on(session, teacher, loop):
    teacher.on("POST", "/train/blobs", Answer({"detail": "Nothing to learn from; submit some labels."}, 400))
    session.watch.train()
    loop.until(lambda: session.error)
    assert session.error.sentence == "Nothing to learn from; submit some labels."
    teacher.on("GET", "/api/v1/learning/blobs", {**LEARNING, "state": "idle"})
    loop.until(lambda: session.watch.learning.state == "idle")


def test_a_server_that_is_lost_is_noticed_without_anybody_asking(session, teacher, loop, monkeypatch):
    monkeypatch.setattr("CrossLabelLib.watch._AWAY_SECONDS", 0.1)
    monkeypatch.setattr("CrossLabelLib.client.transport._PAUSES", ())
    teacher.on("GET", "/api/v1/learning/blobs", Answer({}, cut=0))
    loop.until(lambda: not session.online)
    assert session.error.kind == "unreachable"
    assert "cannot be reached" in session.watch.problem
    teacher.on("GET", "/api/v1/learning/blobs", LEARNING)
    loop.until(lambda: session.online)
    assert session.watch.problem == ""


def test_a_state_that_the_server_cannot_tell_has_a_reason_and_the_server_counts_as_there(session, teacher, loop):
    teacher.on("GET", "/api/v1/learning/blobs", Answer({"detail": "The server met a defect of its own."}, 500))
    loop.until(lambda: session.watch.problem)
    assert (session.watch.problem, session.online) == ("The server met a defect of its own.", True)


def test_the_report_comes_as_a_file_that_a_browser_opens(session, teacher, loop):
    opened = []
    teacher.on("GET", "/api/v1/adaptation/blobs/report", Answer(b"<!doctype html><h1>Report</h1>", type="text/html"))
    session.watch.report(lambda path: opened.append((path.suffix, path.read_text())))
    loop.until(lambda: opened)
    assert opened == [(".html", "<!doctype html><h1>Report</h1>")]


def test_a_class_comes_with_the_slices_that_counted_most_and_its_doubts(session, teacher):
    teacher.on(
        "POST",
        "/infer/blobs",
        {
            "prediction": [{"label": "a", "score": 0.2}, {"label": "b", "score": 0.8}],
            "decision": "a",
            "calibrated": True,
            "in_distribution": False,
            "uncertainty": 0.7,
            "slices": [{"index": 3, "axis": 2, "weight": 0.1}, {"index": 9, "axis": 2, "weight": 0.6}],
            "checkpoint": {"name": "blobs v2", "demonstration": True},
        },
    )
    answer = session.client.classify("blobs", "case")
    assert answer.probabilities == (("b", 0.8), ("a", 0.2))
    assert answer.slices == (SliceWeight(9, 2, 0.6), SliceWeight(3, 2, 0.1))
    assert answer.answer == "a"
    assert (answer.best, answer.calibrated, answer.in_distribution, answer.uncertainty) == ("b", True, False, 0.7)
    assert (answer.checkpoint, answer.demonstration) == ("blobs v2", True)


@pytest.mark.parametrize(
    "lie",
    [
        {"prediction": []},
        {"prediction": [{"label": "a", "score": None}]},
        {"prediction": [{"label": "a", "score": float("nan")}]},
        {"prediction": "a"},
        {"prediction": [{"label": "a", "score": 1}], "calibrated": "yes"},
    ],
)
def test_a_class_that_makes_no_sense_is_refused(session, teacher, lie):
    teacher.on("POST", "/infer/blobs", lie)
    with pytest.raises(ServerError) as caught:
        session.client.classify("blobs", "case")
    assert caught.value.kind == "bad answer"


def test_what_a_server_lacks_is_not_asked_for(session, teacher, loop):
    teacher.on("GET", "/api/v1/capabilities", {"version": "0.1.0", "capabilities": ["api/v1", "training"]})
    session.connect(teacher.url)
    loop.until(lambda: session.server.version == "0.1.0")
    assert "0.1.0" in session.missing("adaptation")
    with pytest.raises(ServerError, match="does not offer adapting"):
        session.client.adaptation("blobs")
