"""3  Case: work that a crash left behind."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from slicer.i18n import tr as _

from CrossLabelLib.autosave import Work
from CrossLabelLib.panel import ask
from CrossLabelLib.panel.section import Section

if TYPE_CHECKING:
    from CrossLabelLib.panel.panel import Panel


class RecoverSection(Section):
    """Offers the newest first; nothing is deleted before somebody says so."""

    parts = ("lost", "server")

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self.ui.recoverButton.clicked.connect(lambda *_: self._bring_back())
        self.ui.forgetButton.clicked.connect(lambda *_: self._forget())

    def show(self) -> None:
        work = self._newest
        self.ui.recoverWidget.setVisible(work is not None)
        if work is None:
            return
        moment = time.strftime("%Y-%m-%d %H:%M", time.localtime(work.saved))
        text = _("{case} ({task}) was not sent when Slicer ended; it was kept at {moment}.")
        self.ui.recoverLabel.setText(text.format(case=work.case, task=work.task, moment=moment))
        here = self.session.server is not None and self.session.url == work.server
        self.ui.recoverButton.setEnabled(here)
        self.ui.recoverButton.setToolTip("" if here else _("Connect to {url} first.").format(url=work.server))

    @property
    def _newest(self) -> Work | None:
        lost = self.session.returning.lost
        return lost[0] if lost else None

    def _bring_back(self) -> None:
        if self._newest is not None:
            self.panel.attempt(self.session.returning.restore, self._newest)

    def _forget(self) -> None:
        work = self._newest
        question = _("What was drawn for {case} is deleted for good.")
        if work is not None and ask.sure(self.panel.root, question.format(case=work.case), _("Delete it")):
            self.session.returning.forget(work)
