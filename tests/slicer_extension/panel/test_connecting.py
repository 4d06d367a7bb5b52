"""Connecting, with a real server."""

from __future__ import annotations

import os

import pytest

from slicer_extension.panel.conftest import click, connect, until


def test_nothing_is_sent_before_connect_is_pressed(module, ui):
    assert module.logic.session.client is None
    assert ui.serverStateLabel.text() == "Not connected; nothing is sent anywhere."
    assert not ui.nextButton.isEnabled()
    assert not ui.submitButton.isEnabled()


def test_a_server_shows_its_tasks(module, ui, server):
    connect(module, server)
    until(lambda: ui.taskCombo.count() > 1)
    assert server.url in ui.serverStateLabel.text()
    titles = [ui.taskCombo.itemData(index) for index in range(ui.taskCombo.count())]
    assert titles == ["", "tiny_classification", "tiny_segmentation", "tiny_untrained"]


def test_an_address_where_nobody_answers_is_said_in_a_sentence_and_can_be_tried_again(module, ui, free_port):
    ui.serverCombo.setEditText(f"http://127.0.0.1:{free_port}")
    click(ui.connectButton)
    until(lambda: ui.messageLabel.isVisible())
    assert str(free_port) in ui.messageLabel.text()
    assert "Traceback" not in ui.messageLabel.text()
    assert ui.retryButton.isVisible()
    click(ui.dismissButton)
    until(lambda: not ui.messageLabel.isVisible())


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands for the command")
def test_a_server_here_is_started_with_the_labelled_images_that_were_named_and_they_are_remembered(
    open_module, tmp_path, monkeypatch
):
    command = tmp_path / "crosslabel"
    command.write_text('#!/bin/sh\necho "it got $2 $3 $6 $7"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    module = open_module()
    module.ui.sourceFolderEdit.setText(f" {tmp_path / 'ct'} ")
    module.panel.local_section.start(tmp_path / "mr")
    until(module.ui.messageLabel.isVisible)
    assert f"it got --studies {tmp_path / 'mr'} --source ct={tmp_path / 'ct'}" in module.ui.messageLabel.text()
    assert module.ui.localButton.isEnabled()
    assert open_module().ui.sourceFolderEdit.text() == str(tmp_path / "ct")


def test_a_server_that_was_used_is_offered_the_next_time(open_module, server):
    first = open_module()
    connect(first, server)
    second = open_module()
    assert second.ui.serverCombo.currentText() == server.url
    assert second.logic.session.client is None, "it connects by itself"
