"""1  Connect: a server on this computer, where the command is installed."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING

import qt
import slicer
from slicer.i18n import tr as _

from CrossLabelLib.local_server import LocalServer
from CrossLabelLib.panel.section import Section

if TYPE_CHECKING:
    from CrossLabelLib.panel.panel import Panel


class LocalSection(Section):
    """Starts ``crosslabel serve`` for a folder of images and fills in its address; connecting stays the person's step."""

    parts = ("server", "busy")

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self.server = LocalServer(slicer.util.startupEnvironment())
        self.ui.localButton.clicked.connect(lambda *_: self._ask_for_folder())
        self.ui.localStopButton.clicked.connect(lambda *_: self._stop())

    def show(self) -> None:
        running = self.server.running
        self.ui.localButton.setEnabled(self.server.available and not running and not self.session.background.busy("local"))
        self.ui.localStopButton.setVisible(running)
        self.ui.localLabel.setVisible(not self.server.available or running)
        self.ui.localLabel.setText(
            _("It runs.") if running else _("The command crosslabel is not installed here; see CrossLabel's README.")
        )

    def start(self, folder: pathlib.Path) -> None:
        """Serve a folder."""
        self.settings.set("studies_folder", str(folder))
        self.session.run("local", _("Starting a server here"), lambda job: self.server.start(folder, job), self._started)
        self.show()

    def close(self) -> None:
        """End the server with Slicer."""
        self.server.stop()

    def _ask_for_folder(self) -> None:
        title, start = _("Folder with images"), self.settings.get("studies_folder")
        folder = str(qt.QFileDialog.getExistingDirectory(self.panel.root, title, start))
        if folder:
            self.start(pathlib.Path(folder))

    def _started(self, url: str) -> None:
        self.panel.connect_section.offer(url)
        self.show()

    def _stop(self) -> None:
        if self.session.server is not None and not self.panel.attempt(self.session.disconnect):
            return
        self.server.stop()
        self.show()
