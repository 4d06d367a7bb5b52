"""Slow, lost and crashing: what the panel does when things do not go as wished."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import slicer
from PySide6.QtTest import QTest

from server_process import running_server, serving
from slicer_extension.panel.conftest import Answering, click, connect, until
from slicer_extension.panel.test_annotating import SEGMENTATION, open_case, paint


class SlowServer:
    """A MONAI Label server whose every answer takes so long, over a real socket."""

    def __init__(self, seconds: float) -> None:
        slow = self
        self.seconds = seconds
        self.asked: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                slow.asked.append(self.path)
                time.sleep(slow.seconds)
                body = json.dumps({"name": "slow", "models": {}, "strategies": {}}).encode()
                self.send_response(404 if "capabilities" in self.path else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def slow():
    server = SlowServer(30.0)
    yield server
    server.stop()


def test_the_panel_can_be_used_while_a_server_takes_thirty_seconds(module, ui, slow):
    ui.serverCombo.setEditText(slow.url)
    start = time.monotonic()
    click(ui.connectButton)
    until(lambda: slow.asked and ui.cancelButton.isVisible())
    ui.commentEdit.setText("typed meanwhile")
    click(ui.checkButton) if ui.checkButton.isEnabled() else None
    ui.listSection.setProperty("collapsed", False)
    QTest.qWait(200)
    assert ui.busyLabel.text().startswith("Connecting")
    click(ui.cancelButton)
    until(lambda: not ui.busyProgress.isVisible())
    assert time.monotonic() - start < slow.seconds, "it waited for the answer"
    assert module.logic.session.server is None


def test_an_answer_that_comes_after_cancelling_changes_nothing(module, ui, slow):
    slow.seconds = 0.5
    ui.serverCombo.setEditText(slow.url)
    click(ui.connectButton)
    until(lambda: slow.asked)
    click(ui.cancelButton)
    QTest.qWait(1500)
    assert module.logic.session.server is None
    assert ui.connectButton.text() == "Connect"
    assert not ui.messageLabel.isVisible()


def test_a_lost_server_is_noticed_and_found_again_with_the_work_untouched(module, ui, tmp_path, free_port):
    session = module.logic.session
    with running_server(tmp_path, free_port) as server:
        connect(module, server, SEGMENTATION)
        ui.proposeAutoCheck.setChecked(False)
        open_case(module, "mr_1")
        until(lambda: session.scene.segmentation is not None)
        paint(module, "first")
        drawn = session.scene.facts()
    until(lambda: "does not answer" in ui.serverStateLabel.text(), what="nobody noticed")
    assert session.work.unsaved
    assert session.scene.facts() == drawn
    click(ui.submitButton)
    until(lambda: ui.submitButton.text() == "Submit all the same")
    click(ui.submitButton)
    until(lambda: ui.messageLabel.isVisible())
    assert session.work.unsaved, "a label that did not arrive counts as sent"
    with serving(tmp_path, free_port):
        until(lambda: session.online, what="it was not found again")
        until(lambda: "Connected to" in ui.serverStateLabel.text())
        assert session.scene.facts() == drawn
        ui.submitNextCheck.setChecked(False)
        click(ui.submitButton)
        until(lambda: ui.submitButton.text() == "Submit all the same")
        click(ui.submitButton)
        until(lambda: session.submission.saved, what="it was not sent afterwards")
        assert not session.work.unsaved


def test_what_a_crash_left_behind_is_offered_and_brought_back(open_module, server, scene):
    crashed = open_module()
    connect(crashed, server, SEGMENTATION)
    crashed.ui.proposeAutoCheck.setChecked(False)
    open_case(crashed, "mr_2")
    until(lambda: crashed.logic.session.scene.segmentation is not None)
    paint(crashed, "second")
    drawn = crashed.logic.session.scene.facts()
    # Slicer ends without asking: what the module kept stays on disk, and its lock goes with the process.
    crashed.cleanup()
    slicer.mrmlScene.Clear(1)
    module = open_module()
    ui = module.ui
    until(lambda: ui.recoverWidget.isVisible())
    assert "mr_2" in ui.recoverLabel.text()
    assert not ui.recoverButton.isEnabled(), "it belongs to a server that is not connected"
    connect(module, server)
    until(ui.recoverButton.isEnabled)
    click(ui.recoverButton)
    until(lambda: module.logic.session.work.case, what="it did not come back")
    until(lambda: module.logic.session.scene.facts() == drawn)
    assert module.logic.session.work.unsaved
    until(lambda: not ui.recoverWidget.isVisible())


def test_closing_the_scene_keeps_what_was_not_sent(module, ui, server, scene):
    connect(module, server, SEGMENTATION)
    ui.proposeAutoCheck.setChecked(False)
    open_case(module, "mr_0")
    until(lambda: module.logic.session.scene.segmentation is not None)
    paint(module, "first")
    drawn = module.logic.session.scene.facts()
    scene.Clear(0)
    until(lambda: ui.recoverWidget.isVisible())
    assert module.logic.session.work.case is None
    click(ui.recoverButton)
    until(lambda: module.logic.session.work.case, what="it did not come back")
    until(lambda: module.logic.session.scene.facts() == drawn)
    with Answering("Discard"):
        click(ui.connectButton)
    until(lambda: module.logic.session.server is None)


def test_a_saved_scene_comes_back_with_its_case_and_its_choice(open_module, server, scene, tmp_path):
    first = open_module()
    connect(first, server, SEGMENTATION)
    first.ui.proposeAutoCheck.setChecked(False)
    open_case(first, "mr_1")
    until(lambda: first.logic.session.scene.segmentation is not None)
    paint(first, "second")
    drawn = first.logic.session.scene.facts()
    saved = tmp_path / "case.mrb"
    assert scene.WriteToMRB(str(saved))
    first.cleanup()
    scene.Clear(1)
    second = open_module()
    connect(second, server)
    assert scene.ReadFromMRB(str(saved))
    until(lambda: second.logic.session.work.case, what="the case did not come back")
    assert second.logic.session.work.case.id == "mr_1"
    assert second.logic.session.task.name == SEGMENTATION
    assert second.logic.session.scene.facts() == drawn
    until(lambda: second.ui.taskCombo.currentData() == SEGMENTATION)


def test_features_that_a_server_lacks_are_hidden_with_the_reason(module, ui, slow):
    slow.seconds = 0.0
    ui.serverCombo.setEditText(slow.url)
    click(ui.connectButton)
    until(lambda: module.logic.session.server is not None)
    until(lambda: "needs CrossLabel's own server" in ui.adaptMissingLabel.text())
    assert "needs CrossLabel's own server" in ui.learningMissingLabel.text()
    assert "needs CrossLabel's own server" in ui.uncertaintyMissingLabel.text()
    assert not ui.adaptWidget.isVisible()
    assert not ui.uncertaintyWidget.isVisible()
    assert not ui.batchSpin.isVisible()
