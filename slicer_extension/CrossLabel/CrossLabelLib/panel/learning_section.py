"""9  Learning: how the server gets better from what was annotated, and how to go back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import qt
from slicer.i18n import tr as _

from CrossLabelLib.client.learning_results import LearningState, Version
from CrossLabelLib.panel import ask, curves
from CrossLabelLib.panel.section import Section, chosen, fill, lines
from CrossLabelLib.panel.texts import course, when

if TYPE_CHECKING:
    from CrossLabelLib.panel.panel import Panel


class LearningSection(Section):
    """Follows the task's learning loop, and steers it."""

    parts = ("server", "task", "learning")

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self._versions: tuple[Version, ...] = ()
        ui, watch = self.ui, self.session.watch
        ui.switchCombo.activated.connect(lambda *_: self.panel.attempt(watch.switch, chosen(ui.switchCombo)))
        ui.trainButton.clicked.connect(lambda *_: self.panel.attempt(watch.train))
        ui.stopTrainButton.clicked.connect(lambda *_: self._stop())
        ui.activateButton.clicked.connect(lambda *_: self._activate())
        ui.versionsTable.itemSelectionChanged.connect(lambda *_: self._show_version())
        ui.versionsTable.horizontalHeader().setStretchLastSection(True)

    def show(self) -> None:
        state, missing = self.session.watch.learning, self.session.missing("learning")
        there = self.session.task is not None and state is not None
        self.ui.learningMissingLabel.setText(missing or ("" if there else self._not_yet()))
        self.ui.learningMissingLabel.setVisible(bool(missing) or not there)
        self.ui.learningWidget.setVisible(there)
        if there:
            self._show(state, bool(missing))

    def _not_yet(self) -> str:
        if self.session.task is None:
            return _("Choose a task first.")
        return self.session.watch.problem or _("The server has not told yet.")

    def _show(self, state: LearningState, stock: bool) -> None:
        ui = self.ui
        for widget in (
            ui.switchPrompt,
            ui.switchCombo,
            ui.labelsLabel,
            ui.versionsTable,
            ui.activateButton,
            ui.versionReasonLabel,
        ):
            widget.setVisible(not stock)
        fill(ui.switchCombo, [("on", _("on")), ("paused", _("paused")), ("off", _("off"))], state.switch)
        training, scoring = state.state in ("training", "stopping"), state.state == "scoring"
        ui.trainButton.setEnabled(not training)
        ui.trainButton.setVisible(not self.session.missing("training"))
        ui.stopTrainButton.setEnabled(state.state == "training")
        ui.learningStateLabel.setText(lines(_states().get(state.state, state.state), state.message, course(state.progress)))
        ui.learningProgress.setVisible((training or scoring) and state.progress is not None)
        ui.learningProgress.setValue(round(100 * state.progress.fraction) if state.progress else 0)
        ui.labelsLabel.setText(_labels(state))
        ui.estimateLabel.setText(_estimate(state))
        ui.estimateLabel.setVisible(state.estimate is not None)
        ui.adviceLabel.setText(state.advice)
        ui.adviceLabel.setVisible(bool(state.advice))
        curves.show(ui.lossCurves, state.curves.losses, _("Loss by epoch"))
        curves.show(ui.metricCurves, curves.overall(state.curves.metrics), _("Held-back labels"))
        self._show_versions(state.versions)

    def _show_versions(self, versions: tuple[Version, ...]) -> None:
        if versions == self._versions:
            return
        self._versions = versions
        table = self.ui.versionsTable
        table.setRowCount(len(versions))
        for row, version in enumerate(versions):
            for column, text in enumerate(_texts(version)):
                item = qt.QTableWidgetItem(text)
                item.setToolTip(version.reason)
                table.setItem(row, column, item)
        table.resizeColumnsToContents()
        self._show_version()

    def _show_version(self) -> None:
        version = self._selected()
        self.ui.versionReasonLabel.setText(version.reason if version else "")
        self.ui.activateButton.setEnabled(version is not None and not version.active)

    def _selected(self) -> Version | None:
        rows = [index.row() for index in self.ui.versionsTable.selectionModel().selectedRows()]
        return self._versions[rows[0]] if rows and rows[0] < len(self._versions) else None

    def _activate(self) -> None:
        version = self._selected()
        if version is None:
            return
        question = _("Everybody gets predictions of version {number} from now on.").format(number=version.number)
        if ask.sure(self.panel.root, question, _("Use it")):
            self.panel.attempt(self.session.watch.activate, version.number)

    def _stop(self) -> None:
        if ask.sure(self.panel.root, _("The training ends here; the server can resume it later."), _("Stop it")):
            self.panel.attempt(self.session.watch.stop_training)


def _states() -> dict[str, str]:
    return {
        "idle": _("Nothing is being learnt."),
        "waiting": _("Waiting for more labels."),
        "scoring": _("Looking which cases are worth labelling."),
        "training": _("Training."),
        "stopping": _("Stopping."),
        "failed": _("The last training failed."),
    }


def _labels(state: LearningState) -> str:
    counts = state.labels
    return _(
        "Labels so far: {final} ({new} since the last training, {held} held back to measure). Cases that wait: {pool}."
    ).format(final=counts.final, new=counts.since_last_training, held=counts.held_back, pool=counts.pool)


def _estimate(state: LearningState) -> str:
    estimate = state.estimate
    if estimate is None:
        return ""
    return _("Expected Dice {dice} (from {low} to {high}) on {on}").format(
        dice=f"{estimate.dice:.2f}", low=f"{estimate.low:.2f}", high=f"{estimate.high:.2f}", on=estimate.on
    )


def _texts(version: Version) -> tuple[str, ...]:
    measured = "" if version.value is None else f"{version.metric} {version.value:.3f}".strip()
    state = _("in use") if version.active else _("not better") if version.promoted is False else ""
    labels = "" if version.labels is None else str(version.labels)
    return f"v{version.number}", when(version.published), measured, labels, state
