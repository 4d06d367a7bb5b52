"""Pictures of the panel for the documentation, at work with a real server on the sample studies.

    python -m slicer_extension.offscreen.screenshots --out slicer_extension/Screenshots

Needs the ``crosslabel`` command of the same environment, and takes some minutes. What is drawn is the real .ui file and the
real code; the segment editor, which is Slicer's own, is a stand-in that says so.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QPoint, QRect, QSettings
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from slicer_extension.offscreen import application, mrml

_REPOSITORY = application.EXTENSION.parent
_SEGMENTATION, _CLASSIFICATION = "abdomen_ct_mr", "brain_tumour_type"
_WIDTH = 470
# An adaptation that shows its curves within a minute, and learns nothing to speak of.
_SHORT = {"epochs": 12, "steps_per_epoch": 3}
_LABELLED = 8


class Photographer:
    """Takes pictures of parts of an open module.

    Args:
        module: the module's widget.
        out: folder of the pictures.
    """

    def __init__(self, module: Any, out: Path) -> None:
        self.module = module
        self.ui = module.ui
        self.session = module.logic.session
        self._out = out

    def take(self, name: str, first: QWidget, last: QWidget) -> None:
        """A picture from the top of one section to the bottom of another."""
        root = self.module.parent
        for _ in range(3):
            # Wrapped text takes a few rounds to find its height.
            root.resize(_WIDTH, max(200, root.sizeHint().height()))
            QTest.qWait(60)
        top = first.mapTo(root, QPoint(0, 0)).y()
        bottom = last.mapTo(root, QPoint(0, last.height())).y()
        picture = root.grab(QRect(0, max(0, top - 4), _WIDTH, bottom - top + 8))
        picture.save(str(self._out / f"{name}.png"))
        print(self._out / f"{name}.png")

    def connect(self, url: str, task: str) -> None:
        self.ui.serverCombo.setEditText(url)
        self.press(self.ui.connectButton)
        self.wait(lambda: self.session.server)
        self.choose(task)

    def choose(self, task: str) -> None:
        self.wait(lambda: self.ui.taskCombo.findData(task) >= 0)
        index = self.ui.taskCombo.findData(task)
        self.ui.taskCombo.setCurrentIndex(index)
        self.ui.taskCombo.activated.emit(index)
        self.wait(lambda: self.session.task and self.session.task.name == task)

    def press(self, button: QWidget) -> None:
        self.wait(button.isEnabled)
        button.click()
        QTest.qWait(30)

    def wait(self, condition: Callable[[], Any], seconds: float = 200) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                what = self.session.error or self.session.activity or self.ui.serverStateLabel.text()
                raise SystemExit(f"the pictures could not be taken: it took too long ({what})")
            QTest.qWait(30)


def photograph(camera: Photographer, url: str) -> None:
    """The pictures of the tutorial, in its order."""
    ui, session = camera.ui, camera.session
    camera.connect(url, _SEGMENTATION)
    ui.submitNextCheck.setChecked(False)
    for _ in range(9):
        # The samples lie in one folder, so a head may be offered for the abdomen.
        camera.press(ui.nextButton)
        camera.wait(lambda: not session.activity and session.prediction.proposal and ui.proposalTable.rowCount())
        if session.work.case.id.startswith("abdomen"):
            break
    camera.take("connect", ui.connectSection, ui.taskSection)
    camera.take("segment", ui.caseSection, ui.correctSection)
    camera.press(ui.checkButton)
    camera.take("submit", ui.submitSection, ui.submitSection)
    camera.press(ui.submitButton)
    if ui.submitButton.text() == "Submit all the same":
        camera.press(ui.submitButton)
    camera.wait(lambda: session.submission.saved)
    ui.listSection.setProperty("collapsed", False)
    camera.wait(lambda: ui.casesTable.rowCount() and ui.casesTable.item(0, 0))
    camera.take("cases", ui.caseSection, ui.caseSection)
    ui.listSection.setProperty("collapsed", True)
    ui.learningSection.setProperty("collapsed", False)
    ui.adaptSection.setProperty("collapsed", False)
    camera.wait(lambda: session.watch.adaptation)
    session.watch.adapt("labelled_ct", "gin", **_SHORT)
    camera.wait(lambda: session.error or (session.watch.adaptation.run and session.watch.adaptation.run.report), seconds=900)
    camera.wait(lambda: session.watch.learning.versions)
    camera.take("learning", ui.adaptSection, ui.learningSection)
    ui.learningSection.setProperty("collapsed", True)
    ui.adaptSection.setProperty("collapsed", True)
    camera.choose(_CLASSIFICATION)
    camera.press(ui.nextButton)
    camera.wait(lambda: session.prediction.answer)
    camera.wait(lambda: ui.classifySection.isVisible() and camera.module.panel.classify_section._rows.buttons)
    camera.press(next(iter(camera.module.panel.classify_section._rows.buttons.values())))
    if not session.missing("heatmaps"):
        camera.press(ui.heatmapButton)
        camera.wait(lambda: session.prediction.map or session.error)
    camera.take("classify", ui.caseSection, ui.submitSection)


def main() -> None:
    parser = argparse.ArgumentParser(description="Takes pictures of the panel.")
    parser.add_argument("--out", type=Path, default=application.EXTENSION / "Screenshots")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        shutil.copytree(_REPOSITORY / "sample_data" / "studies", folder / "studies")
        make = [sys.executable, str(_REPOSITORY / "sample_data" / "make.py"), "abdomen", "--modality", "CT"]
        subprocess.run([*make, "--count", str(_LABELLED), "--out", str(folder / "labelled_ct")], check=True)
        slicer_app = application.install(folder / "settings")
        from CrossLabelLib.client.job import Job
        from CrossLabelLib.local_server import LocalServer

        QSettings().setValue("CrossLabel/autosave_folder", str(folder / "autosave"))
        # The panel looks for the command as well.
        os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
        server = LocalServer({**os.environ, "CROSSLABEL_MODELS": str(folder / "models")})
        try:
            url = server.start(folder / "studies", Job(), folder / "labelled_ct")
            with mrml.mrml_scene():
                from CrossLabel import CrossLabelWidget

                module = CrossLabelWidget()
                module.setup()
                module.parent.show()
                photograph(Photographer(module, out), url)
                module.cleanup()
                _settings_page(out)
        finally:
            server.stop()
        slicer_app.qt.processEvents()


def _settings_page(out: Path) -> None:
    from CrossLabelLib.panel.settings_panel import SettingsPanel

    QSettings().remove("CrossLabel/autosave_folder")
    page = SettingsPanel()
    page.resize(_WIDTH + 80, 330)
    page.grab().save(str(out / "settings.png"))
    print(out / "settings.png")


if __name__ == "__main__":
    main()
