"""3  Case: what to annotate next and why, and what to do with it if it is the wrong one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slicer.i18n import tr as _

from CrossLabelLib.client.results import Case, Why
from CrossLabelLib.panel.case_table import states
from CrossLabelLib.panel.section import Section, chosen, fill, lines, text_of
from CrossLabelLib.panel.texts import when

if TYPE_CHECKING:
    from CrossLabelLib.panel.panel import Panel


class CaseSection(Section):
    """The case in hand."""

    parts = ("server", "task", "case", "batch", "learning", "busy")

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self._open_first = False
        ui, work = self.ui, self.session.work
        ui.nextButton.clicked.connect(lambda *_: self.next())
        ui.strategyCombo.activated.connect(lambda *_: self.settings.set("strategy", chosen(ui.strategyCombo) or ""))
        ui.skipButton.clicked.connect(lambda *_: self._skip())
        ui.releaseButton.clicked.connect(lambda *_: self.panel.attempt(work.release))
        ui.pinButton.clicked.connect(lambda *_: self._pin())
        ui.patientButton.clicked.connect(lambda *_: self.panel.attempt(work.load_further))

    def next(self) -> None:
        """Open the next case, with as many others handed out as are wished."""
        work, count = self.session.work, int(self.ui.batchSpin.property("value"))
        strategy = chosen(self.ui.strategyCombo) or None
        if count > 1 and not work.batch and not self.session.missing("case list"):
            self._open_first = self.panel.attempt(work.next_batch, count, strategy)
        else:
            self.panel.attempt(work.next, strategy)

    def show(self) -> None:
        ui, session = self.ui, self.session
        case, task = session.work.case, session.task
        listed = not session.missing("case list")
        ui.nextButton.setEnabled(task is not None)
        fill(ui.strategyCombo, self._strategies(), self.settings.get("strategy"))
        for widget in (ui.batchPrompt, ui.batchSpin):
            widget.setVisible(listed)
        ui.caseLabel.setText(self._about(case))
        ui.whyLabel.setText(_why(case.why) if case else "")
        ui.whyLabel.setVisible(bool(case and case.why))
        known = case is not None and bool(case.id)
        for widget in (ui.skipButton, ui.skipReasonEdit, ui.pinButton):
            widget.setVisible(known and listed)
        ui.releaseButton.setVisible(known and listed and case.state == "leased")
        ui.pinButton.setChecked(bool(case and case.pinned))
        self._show_patient(known)
        if self._open_first and session.work.batch:
            self._open_first = False
            self.panel.attempt(session.work.next)

    def _about(self, case: Case | None) -> str:
        waiting = len(self.session.work.batch)
        batch = _("{count} more cases are reserved for you.").format(count=waiting) if waiting else ""
        if case is None:
            return lines(_("No case is open."), batch)
        if not case.id:
            return lines(_("A volume of this scene, which the server does not have."), batch)
        state = states().get(case.state, case.state)
        until = _("reserved for you until {time}").format(time=when(case.lease_expires)) if case.lease_expires else ""
        return lines(", ".join(part for part in (case.id, until or state, case.author) if part), batch)

    def _show_patient(self, known: bool) -> None:
        further = self.session.work.further
        names = ", ".join(study.id for study in further)
        self.ui.patientLabel.setText(_("Beside it: {names}").format(names=names) if names else "")
        for widget in (self.ui.patientLabel, self.ui.patientButton):
            widget.setVisible(known and not self.session.missing("patients"))

    def _strategies(self) -> list[tuple[str, str]]:
        state, server = self.session.watch.learning, self.session.server
        offered = (state.strategies if state else ()) or (server.strategies if server else ())
        return [("", _("the server's order")), *((name, title or name) for name, title in offered)]

    def _pin(self) -> None:
        case = self.session.work.case
        if case is not None:
            self.panel.attempt(self.session.work.pin, case, bool(self.ui.pinButton.isChecked()))

    def _skip(self) -> None:
        self.panel.attempt(self.session.work.skip, text_of(self.ui.skipReasonEdit).strip())
        self.ui.skipReasonEdit.setText("")


def _why(why: Why | None) -> str:
    if why is None:
        return ""
    if why.sentence:
        return _("Why: {sentence}").format(sentence=why.sentence)
    if why.rank is not None and why.of is not None:
        return _("Why: rank {rank} of {of}, score {score}").format(rank=why.rank, of=why.of, score=f"{why.score or 0:.3g}")
    return ""
