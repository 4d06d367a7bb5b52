"""3  Case: all cases with their states, and volumes that are in the scene already."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import qt
from slicer.i18n import tr as _

from CrossLabelLib.client.results import Case, Cases
from CrossLabelLib.panel.case_table import CaseTable, states
from CrossLabelLib.panel.section import Section, chosen, fill, text_of

if TYPE_CHECKING:
    from CrossLabelLib.panel.panel import Panel

_TYPING_MS = 250


class ListSection(Section):
    """The list is asked for when it is first opened, and again after another filter."""

    parts = ("server", "task", "saved", "case")

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        ui = self.ui
        self.table = CaseTable(ui.casesTable, self._fetch, self.open)
        self._listed = ""
        self._counted = None
        self._typing = qt.QTimer()
        self._typing.setSingleShot(True)
        self._typing.setInterval(_TYPING_MS)
        self._typing.timeout.connect(self.reload)
        fill(ui.stateFilterCombo, [("", _("all states")), *states().items()], "")
        ui.stateFilterCombo.activated.connect(lambda *_: self.reload())
        ui.textFilterEdit.textChanged.connect(lambda *_: self._typing.start())
        ui.refreshButton.clicked.connect(lambda *_: self.reload())
        ui.openButton.clicked.connect(lambda *_: self._open_selected())
        ui.listSection.contentsCollapsed.connect(lambda *_: self.show())
        ui.uploadButton.clicked.connect(lambda *_: self._upload())
        ui.volumeButton.clicked.connect(lambda *_: self._use_volume())

    def show(self) -> None:
        task, server = self.session.task, self.session.server
        self.ui.listSection.setEnabled(task is not None)
        self.ui.openButton.setEnabled(task is not None)
        self.ui.volumeButton.setEnabled(task is not None)
        case = self.session.work.case
        for widget in (self.ui.uploadNameEdit, self.ui.uploadButton):
            widget.setVisible(case is not None and not case.id)
        for_what = f"{self.session.url} {task.name}" if task and server else ""
        if for_what != self._listed:
            self.table.clear()
            self._listed = ""
        if for_what and not self._listed and not self.ui.listSection.property("collapsed"):
            self._listed = for_what
            self.reload()
        elif self._listed and self.session.submission.saved is not self._counted:
            self.reload()
        self._counted = self.session.submission.saved

    def reload(self) -> None:
        """Ask the server for the list again."""
        if self.session.task is not None:
            self.table.reload()

    def open(self, case: Case) -> None:
        self.panel.attempt(self.session.work.open, case)

    def _fetch(self, offset: int, limit: int, done: Callable[[Cases], None]) -> None:
        client, task = self.session.need()
        state, text = chosen(self.ui.stateFilterCombo) or None, text_of(self.ui.textFilterEdit).strip()

        def arrived(cases: Cases) -> None:
            self.ui.casesTotalLabel.setText(_("{count} cases").format(count=f"{cases.total:,}"))
            done(cases)

        # Pages that are seen together come together: each has a name of its own.
        self.session.run(f"cases {offset}", "", lambda job: client.cases(task.name, state, text, offset, limit), arrived)

    def _open_selected(self) -> None:
        case = self.table.selected
        if case is not None:
            self.open(case)

    def _use_volume(self) -> None:
        volume = self.ui.volumeSelector.currentNode()
        if volume is not None:
            self.panel.attempt(self.session.work.adopt, volume)

    def _upload(self) -> None:
        name = text_of(self.ui.uploadNameEdit).strip()
        if name:
            self.panel.attempt(self.session.work.upload, name)
