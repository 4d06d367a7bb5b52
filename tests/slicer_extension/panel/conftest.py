"""Slicer's Python without Slicer: real MRML, real widget code and real .ui files, PySide6 in place of PythonQt."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from typing import Any

# Before Qt is first imported; a display that is there is left alone.
os.environ["QT_QPA_PLATFORM"] = "offscreen"

import pytest

pytest.importorskip("slicer", reason="slicer-core has no wheel for this machine, so the panel cannot be tested here")

from PySide6.QtCore import QSettings, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMessageBox, QWidget
from slicer_extension.offscreen import application, mrml

import waiting


@pytest.fixture(scope="session", autouse=True)
def app(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return application.install(tmp_path_factory.mktemp("slicer"))


@pytest.fixture(autouse=True)
def garbage_of_the_main_thread() -> Iterator[None]:
    """Widgets are collected here: Python does so in any thread, and PySide then waits for ever for the main one."""
    gc.disable()
    yield
    gc.enable()
    gc.collect()


@pytest.fixture
def scene(app) -> Iterator[Any]:
    with mrml.mrml_scene() as made:
        yield made


@pytest.fixture
def settings(app, tmp_path) -> Iterator[QSettings]:
    """Slicer's settings, as on a computer that never had them."""
    stored = QSettings()
    stored.clear()
    stored.setValue("CrossLabel/autosave_folder", str(tmp_path / "autosave"))
    stored.setValue("CrossLabel/refresh_seconds", 1)
    yield stored
    stored.clear()


@pytest.fixture
def open_module(scene, settings) -> Iterator[Callable[[], Any]]:
    """Opens the module as Slicer does; all are closed at the end."""
    from CrossLabel import CrossLabelWidget

    opened = []

    def open_one() -> Any:
        widget = CrossLabelWidget()
        widget.setup()
        widget.enter()
        widget.parent.resize(480, 1400)
        widget.parent.show()
        opened.append(widget)
        return widget

    yield open_one
    for widget in opened:
        widget.cleanup()
        widget.parent.close()
        widget.parent.deleteLater()
    QApplication.processEvents()


@pytest.fixture
def module(open_module) -> Any:
    return open_module()


@pytest.fixture
def ui(module) -> Any:
    return module.ui


def until(condition: Callable[[], Any], what: str = "it did not come true in time") -> Any:
    """Turn Qt's event loop until a condition holds, and return what it was."""
    return waiting.until(condition, what, pause=lambda: QTest.qWait(10))


def click(button: QWidget) -> None:
    """As a person does: only what is enabled can be clicked."""
    assert button.isEnabled(), f"{button.objectName()} cannot be clicked"
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    QTest.qWait(1)


def choose(combo: QWidget, value: Any) -> None:
    """Choose the entry of a list that has this value behind it."""
    index = combo.findData(value)
    assert index >= 0, f"{combo.objectName()} has no {value!r}"
    combo.setCurrentIndex(index)
    combo.activated.emit(index)
    QTest.qWait(1)


class Answering:
    """Answers the next question by its button, and keeps what was asked; without it a test would wait for ever."""

    def __init__(self, button: str) -> None:
        self._button = button
        self.asked: list[str] = []
        self._timer = QTimer()
        self._timer.setInterval(20)
        self._timer.timeout.connect(self._look)

    def __enter__(self) -> Answering:
        self._timer.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._timer.stop()

    def _look(self) -> None:
        box = QApplication.activeModalWidget()
        if isinstance(box, QMessageBox):
            self.asked.append(box.text())
            next(button for button in box.buttons() if button.text() == self._button).click()


def connect(module: Any, server: Any, task: str = "") -> None:
    """Type the address, press Connect, choose a task."""
    module.ui.serverCombo.setEditText(server.url)
    click(module.ui.connectButton)
    until(lambda: module.logic.session.server is not None)
    if task:
        until(lambda: module.ui.taskCombo.findData(task) >= 0)
        choose(module.ui.taskCombo, task)
        until(lambda: module.logic.session.task is not None)
