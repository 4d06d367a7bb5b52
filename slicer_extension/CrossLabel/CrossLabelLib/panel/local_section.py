"""1  Connect: a server on this computer, where the command is installed."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING

import qt
import slicer
from slicer.i18n import tr as _

from CrossLabelLib.local_server import LocalServer
from CrossLabelLib.panel.section import Section, text_of

if TYPE_CHECKING:
    from CrossLabelLib.panel.panel import Panel


class LocalSection(Section):
    """Starts ``crosslabel serve`` for a folder of images and fills in its address; connecting stays the person's step."""

    parts = ("server", "busy")

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self.server = LocalServer(slicer.util.startupEnvironment())
        self.ui.localButton.clicked.connect(lambda *_: self._ask_for_studies())
        self.ui.sourceFolderButton.clicked.connect(lambda *_: self._ask_for_source())
        self.ui.sourceFolderEdit.setText(self.settings.get("source_folder"))
        self.ui.localStopButton.clicked.connect(lambda *_: self._stop())

    def show(self) -> None:
        running = self.server.running
        can_start = self.server.available and not running and not self.session.background.busy("local")
        for widget in (self.ui.localButton, self.ui.sourceFolderEdit, self.ui.sourceFolderButton):
            widget.setEnabled(can_start)
        for widget in (self.ui.sourceFolderPrompt, self.ui.sourceFolderEdit, self.ui.sourceFolderButton):
            widget.setVisible(self.server.available)
        self.ui.localStopButton.setVisible(running)
        self.ui.localLabel.setVisible(not self.server.available or running)
        self.ui.localLabel.setText(
            _("It runs.") if running else _("The command crosslabel is not installed here; see CrossLabel's README.")
        )

    def start(self, folder: pathlib.Path) -> None:
        """Serve a folder, and offer the labelled images that the person named, if any."""
        named = text_of(self.ui.sourceFolderEdit).strip()
        source = pathlib.Path(named) if named else None
        self.settings.set("studies_folder", str(folder))
        self.settings.set("source_folder", named)
        self.session.run(
            "local", _("Starting a server here"), lambda job: self.server.start(folder, job, source), self._started
        )
        self.show()

    def close(self) -> None:
        """End the server with Slicer."""
        self.server.stop()

    def _ask_for_studies(self) -> None:
        folder = self._asked(_("Folder with images"), self.settings.get("studies_folder"))
        if folder:
            self.start(pathlib.Path(folder))

    def _ask_for_source(self) -> None:
        folder = self._asked(_("Folder with labelled images"), text_of(self.ui.sourceFolderEdit))
        if folder:
            self.ui.sourceFolderEdit.setText(folder)

    def _asked(self, title: str, start: str) -> str:
        return str(qt.QFileDialog.getExistingDirectory(self.panel.root, title, start))

    def _started(self, url: str) -> None:
        self.panel.connect_section.offer(url)
        self.show()

    def _stop(self) -> None:
        if self.session.server is not None and not self.panel.attempt(self.session.disconnect):
            return
        # It is given time to end.
        self.session.run("local", _("Stopping the server"), lambda job: self.server.stop(), lambda ended: self.show())
        self.show()
