"""7  Submit: what exactly is sent, and what to look at before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import qt
from slicer.i18n import tr as _

from CrossLabelLib.checks import Finding
from CrossLabelLib.client.errors import ServerError
from CrossLabelLib.client.results import Case, Task
from CrossLabelLib.panel.section import Section, lines, text_of
from CrossLabelLib.panel.texts import when
from CrossLabelLib.submission import FindingsError

if TYPE_CHECKING:
    from CrossLabelLib.panel.panel import Panel


class SubmitSection(Section):
    """Sends once there is nothing to look at, or once that was looked at."""

    parts = ("server", "task", "case", "class", "proposal", "unsaved", "saved", "history", "busy")

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        ui = self.ui
        self._case: str | None = None
        self._findings: list[Finding] = []
        self._counted: dict[str, int] | None = None
        self._confirming = False
        self._saved = None
        ui.checkButton.clicked.connect(lambda *_: self._check())
        ui.submitButton.clicked.connect(lambda *_: self._submit())
        ui.commentEdit.textEdited.connect(lambda text: setattr(self.session.work, "comment", str(text)))

    def show(self) -> None:
        ui, task, case = self.ui, self.session.task, self.session.work.case
        taken = self._take_notice()
        if (case.id if case else None) != self._case:
            self._case = case.id if case else None
            self._forget_check()
            ui.commentEdit.setText(self.session.work.comment)
            self._ask_for_history(case)
        draws = task is not None and task.kind == "segmentation"
        ready = task is not None and case is not None and bool(case.id) and not self.session.background.busy("submit")
        ui.submitButton.setEnabled(ready and (draws or bool(self.panel.classify_section.choice)))
        ui.submitButton.setText(_("Submit all the same") if self._confirming else _("Submit"))
        ui.checkButton.setVisible(draws)
        ui.checkButton.setEnabled(draws and case is not None)
        ui.submitWhatLabel.setText(self._what(task, case))
        self._show_findings()
        self._show_history()
        # Last, because it closes the case.
        if taken and ui.submitNextCheck.isChecked():
            self.panel.case_section.next()

    def _what(self, task: Task | None, case: Case | None) -> str:
        if task is None or case is None:
            return _("Nothing is sent.")
        if not case.id:
            return _("Nothing can be sent: the server does not have this volume. Add it to the server first.")
        where = _("to {url}, as the label of {case}").format(url=self.session.url, case=case.id)
        who = self.settings.get("person")
        name = _("Your name ({name}) and the comment go with it.").format(name=who) if who else _("The comment goes with it.")
        if task.kind == "classification":
            return lines(self._class_text().format(where=where), name)
        structures = ", ".join(f"{label.name} = {label.value}" for label in task.labels)
        grid = _("One label file in the image's own grid {where}, with the values {values}. The image is not sent.")
        return lines(grid.format(where=where, values=structures), self._counts(), name)

    def _class_text(self) -> str:
        choice = self.panel.classify_section.choice
        if not choice:
            return _("Nothing yet: choose a class.")
        sure = "" if self.panel.classify_section.sure else " " + _("(not sure)")
        return _("The class {choice}{sure} {{where}}. The image is not sent.").format(
            choice=choice.replace("{", "{{").replace("}", "}}"), sure=sure
        )

    def _counts(self) -> str:
        if self._counted is None:
            return ""
        return _("Counted: {voxels} voxels.").format(
            voxels=", ".join(f"{name} {count:,}" for name, count in self._counted.items())
        )

    def _show_findings(self) -> None:
        checks = self.ui.checksList
        checks.clear()
        checks.setVisible(bool(self._findings))
        for finding in self._findings:
            item = qt.QListWidgetItem(("✖ " if finding.severity == "error" else "⚠ ") + finding.sentence)
            checks.addItem(item)

    def _take_notice(self) -> bool:
        """Whether the server has taken something since the last time."""
        saved, before = self.session.submission.saved, self._saved
        self._saved = saved
        if saved is None or saved is before:
            return False
        self._forget_check()
        version = "" if saved.version is None else ", " + _("version {number}").format(number=saved.version)
        self.ui.submittedLabel.setText(_("The server has taken {case}{version}.").format(case=saved.image, version=version))
        self._ask_for_history(self.session.work.case)
        return True

    def _show_history(self) -> None:
        versions = self.session.submission.history
        entry_text = _("version {number} by {author}, {time}")
        text = "; ".join(
            entry_text.format(number=entry.version, author=entry.author or "?", time=when(entry.created))
            for entry in versions[-3:]
        )
        self.ui.historyLabel.setText(_("On the server: {versions}.").format(versions=text) if text else "")
        self.ui.historyLabel.setVisible(bool(text))

    def _ask_for_history(self, case: Case | None) -> None:
        if case is not None and case.id and case.state in ("labelled", "returned") and not self.session.missing("history"):
            self.panel.attempt(self.session.submission.list_history)

    def _check(self) -> bool:
        try:
            self._counted, self._findings = self.session.submission.preview()
        except ServerError as error:
            self.session.fail(error)
            return False
        self._confirming = False
        self.show()
        return True

    def _submit(self) -> None:
        task, comment = self.session.task, text_of(self.ui.commentEdit).strip()
        if task is not None and task.kind == "classification":
            section = self.panel.classify_section
            self.panel.attempt(
                lambda: self.session.submission.submit_class(section.choice, section.sure, comment, section.slice)
            )
            return
        try:
            self.panel.attempt(lambda: self.session.submission.submit(comment, confirmed=self._still_confirmed()))
            self._confirming = False
        except FindingsError as error:
            self._check()
            self._findings, self._confirming = error.findings, error.may_confirm
        self.show()

    def _still_confirmed(self) -> bool:
        """What was looked at is all there is; something drawn since may need another look."""
        return self._confirming and self.session.submission.preview()[1] == self._findings

    def _forget_check(self) -> None:
        self._findings, self._counted, self._confirming = [], None, False
