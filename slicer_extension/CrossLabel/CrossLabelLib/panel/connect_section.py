"""1  Connect: the server's address, and whether it is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slicer.i18n import tr as _

from CrossLabelLib.panel.section import Section, lines, text_of

if TYPE_CHECKING:
    from CrossLabelLib.panel.panel import Panel

_USUAL = "http://127.0.0.1:8000"


class ConnectSection(Section):
    """Nothing is sent anywhere before the button is pressed."""

    parts = ("server", "busy")

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self._fill()
        self.ui.connectButton.clicked.connect(lambda *_: self._pressed())
        self.ui.serverCombo.activated.connect(lambda *_: self._take_token())
        self.ui.tokenEdit.returnPressed.connect(lambda *_: self.connect())
        self._take_token()

    def show(self) -> None:
        server = self.session.server
        self.ui.connectButton.setText(_("Disconnect") if server else _("Connect"))
        self.ui.serverCombo.setEnabled(server is None)
        self.ui.tokenEdit.setEnabled(server is None)
        self.ui.serverStateLabel.setText(self._state())

    def connect(self) -> None:
        """Connect to the address that is shown."""
        url = str(self.ui.serverCombo.property("currentText")).strip()
        self.panel.attempt(self.session.connect, url, text_of(self.ui.tokenEdit).strip())

    def offer(self, url: str) -> None:
        """Show an address, as of a server that was just started."""
        self.ui.serverCombo.setEditText(url)
        self.ui.tokenEdit.setText("")

    def _pressed(self) -> None:
        if self.session.server is None:
            self.connect()
        else:
            self.panel.attempt(self.session.disconnect)
            self._fill()

    def _state(self) -> str:
        server = self.session.server
        if server is None:
            return _("Not connected; nothing is sent anywhere.")
        who = f"{server.name} {server.version}".strip()
        if not self.session.online:
            return _(
                "{url} does not answer. Your work is kept here, and the connection is tried again every few seconds."
            ).format(url=self.session.url)
        return lines(
            _("Connected to {who} at {url}.").format(who=who, url=self.session.url),
            _("This is MONAI Label's own server: what it lacks is hidden, with the reason.") if server.stock else "",
        )

    def _fill(self) -> None:
        combo = self.ui.serverCombo
        current = str(combo.property("currentText"))
        combo.clear()
        for url in self.settings.servers or [_USUAL]:
            combo.addItem(url)
        if current:
            combo.setEditText(current)

    def _take_token(self) -> None:
        self.ui.tokenEdit.setText(self.settings.token(str(self.ui.serverCombo.property("currentText"))))
