"""Above all sections: what went wrong, what is going on, and how to stop it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slicer.i18n import tr as _

from CrossLabelLib.client.errors import ServerError
from CrossLabelLib.panel.section import Section, lines
from CrossLabelLib.panel.texts import size

if TYPE_CHECKING:
    from CrossLabelLib.panel.panel import Panel


class StatusSection(Section):
    """Errors stay until somebody has read them or the next request succeeds; nothing pops up."""

    parts = ("error", "busy", "server")

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self._read = None
        self.ui.cancelButton.clicked.connect(lambda *_: self.session.cancel())
        self.ui.retryButton.clicked.connect(lambda *_: self._retry())
        self.ui.dismissButton.clicked.connect(lambda *_: self._dismiss())
        self.ui.messageLabel.setStyleSheet("QLabel { color: #a33000; font-weight: bold; }")

    def show(self) -> None:
        error = self.session.error
        shown = error is not None and error is not self._read
        self.ui.messageLabel.setText(_words(error) if shown else "")
        self.ui.messageLabel.setVisible(shown)
        self.ui.dismissButton.setVisible(shown)
        self.ui.retryButton.setVisible(shown and error.kind in ("unreachable", "timeout", "unauthorized", "busy"))
        self._show_activity()

    def _show_activity(self) -> None:
        activity, progress = self.session.activity, self.session.progress
        for widget in (self.ui.busyLabel, self.ui.busyProgress, self.ui.cancelButton):
            widget.setVisible(bool(activity))
        done, total = progress or (0, None)
        amount = _("{done} of {total}").format(done=size(done), total=size(total)) if total else size(done) if done else ""
        self.ui.busyLabel.setText(f"{activity} … {amount}".strip())
        # Without a known end the bar only says that something is going on.
        self.ui.busyProgress.setRange(0, 100 if total else 0)
        self.ui.busyProgress.setValue(100 * done // total if total else 0)

    def _retry(self) -> None:
        self._dismiss()
        self.panel.connect_section.connect()

    def _dismiss(self) -> None:
        self._read = self.session.error
        self.show()


def _words(error: ServerError) -> str:
    more = _("The server's log says more under {number}.").format(number=error.request_id) if error.request_id else ""
    return lines(error.sentence, more)
