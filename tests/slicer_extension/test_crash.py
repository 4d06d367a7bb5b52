"""Unsaved work survives the end of Slicer, however sudden, and is brought back by a new process."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

slicer = pytest.importorskip("slicer", reason="slicer-core has no wheel for this machine, so MRML cannot be tested here")

from CrossLabelLib.client.errors import ServerError  # noqa: E402
from CrossLabelLib.keeping import UnsavedWorkError  # noqa: E402
from scattered import labels_of, write  # noqa: E402
from stand_in import Answer  # noqa: E402

_TESTS = Path(__file__).parents[1]
# An annotator in a process of its own: opens a case, corrects it, and never comes to send it.
_ANNOTATOR = """
import sys
sys.path[:0] = [{tests!r}, {library!r}, {repository!r}]
from pathlib import Path
from CrossLabelLib.background import Background
from CrossLabelLib.client.results import Case
from CrossLabelLib.scene.scene import Scene
from CrossLabelLib.session import Session
from CrossLabelLib.settings import Settings
from event_loop import EventLoop
from mrml import mrml_scene

with mrml_scene():
    loop, settings = EventLoop(), Settings(home=Path(sys.argv[2]))
    settings.set("autosave_seconds", 0)
    session = Session(Scene(), Background(loop.later, 5), settings=settings)
    session.connect(sys.argv[1])
    loop.until(lambda: session.task)
    session.work.open(Case("case"))
    loop.until(lambda: session.prediction.proposal)
    content = session.scene.segmentation.GetSegmentation()
    content.GetSegment(content.GetSegmentIdBySegmentName("first")).SetName("second, renamed")
    loop.until(lambda: session.work.keeping.kept)
    print("kept", flush=True)
    loop.until(lambda: False)
"""


@pytest.fixture
def annotated(other_server, tmp_path):
    """A server of one case, on which somebody's Slicer was killed in the middle of the work."""
    write(labels_of(0).astype(np.float32), tmp_path / "image.nrrd")
    write(labels_of(1), tmp_path / "label.nrrd")
    task = {"name": "blobs", "kind": "segmentation", "labels": [{"name": "first", "value": 2}, {"name": "second", "value": 7}]}
    image = {"Content-Disposition": 'filename="image.nrrd"'}
    parts = (
        b'--x\r\nContent-Disposition: form-data; name="params"\r\n\r\n{"checkpoint": {"name": "blobs v3"}}'
        b'\r\n--x\r\nContent-Disposition: form-data; name="image"; filename="a.nrrd"\r\n\r\n'
        + (tmp_path / "label.nrrd").read_bytes()
        + b"\r\n--x--\r\n"
    )
    other_server.on("GET", "/info/", {"name": "CrossLabel"})
    other_server.on("GET", "/api/v1/capabilities", {"version": "0.1.0", "capabilities": ["api/v1"]})
    other_server.on("GET", "/api/v1/tasks", [task])
    other_server.on("GET", "/datastore/image", Answer((tmp_path / "image.nrrd").read_bytes(), headers=image))
    other_server.on("POST", "/infer/blobs", Answer(parts, type="multipart/form-data; boundary=x"))
    library = _TESTS.parent / "slicer_extension" / "CrossLabel"
    script = _ANNOTATOR.format(tests=str(_TESTS), repository=str(_TESTS.parent), library=str(library))
    command = [sys.executable, "-c", script, other_server.url, str(tmp_path / "home")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while "kept" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGKILL if os.name != "nt" else signal.SIGTERM)
    return other_server


def test_a_new_process_finds_it_and_brings_it_back_with_all_that_was_drawn(annotated, new_session, loop):
    session = new_session()
    (work,) = session.returning.lost
    assert (work.server, work.task, work.case, work.checkpoint) == (annotated.url, "blobs", "case", "blobs v3")
    with pytest.raises(ServerError, match="connect there first"):
        session.returning.restore(work)
    session.connect(annotated.url)
    loop.until(lambda: session.task)
    session.returning.restore(work)
    loop.until(lambda: session.work.case or session.error)
    assert session.error is None, session.error
    loop.until(lambda: session.returning.lost == [])
    array = labels_of(1)
    assert {segment.name: segment.voxels for segment in session.scene.facts().segments} == {
        "second, renamed": int((array == 2).sum()),
        "second": int((array == 7).sum()),
    }
    assert session.work.checkpoint == "blobs v3"
    # It is still unsaved, and kept anew by this process.
    assert session.work.keeping.kept is not None
    with pytest.raises(UnsavedWorkError):
        session.work.next()


def test_what_nobody_wants_back_is_gone_for_good(annotated, new_session, loop):
    session = new_session()
    session.returning.forget(session.returning.lost[0])
    assert session.returning.lost == []
    assert new_session().returning.lost == []
