"""8  Adapt: learn the task's own modality from labelled images of another one, which the server offers."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING

import qt
from slicer.i18n import tr as _

from CrossLabelLib.client.learning_results import AdaptationRun, AdaptationState, Source
from CrossLabelLib.panel import ask, curves
from CrossLabelLib.panel.section import Section, chosen, fill, lines
from CrossLabelLib.panel.texts import course

if TYPE_CHECKING:
    from CrossLabelLib.panel.panel import Panel

_OVER = ("finished", "cancelled", "failed")


class AdaptSection(Section):
    """Starts, follows and stops an adaptation."""

    parts = ("server", "task", "adaptation", "learning")

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self.ui.adaptStartButton.clicked.connect(lambda *_: self._start())
        self.ui.adaptStopButton.clicked.connect(lambda *_: self._stop())
        self.ui.adaptReportButton.clicked.connect(lambda *_: self.panel.attempt(self.session.watch.report, open_file))
        self.ui.sourceCombo.activated.connect(lambda *_: self.show())

    def show(self) -> None:
        state = self.session.watch.adaptation
        reason = self.session.missing("adaptation") or self._nothing_to_do(state)
        self.ui.adaptMissingLabel.setText(reason)
        self.ui.adaptMissingLabel.setVisible(bool(reason))
        self.ui.adaptWidget.setVisible(not reason)
        if not reason:
            self._show(state)

    def _nothing_to_do(self, state: AdaptationState | None) -> str:
        if self.session.task is None:
            return _("Choose a task first.")
        if state is None:
            return self.session.watch.problem or _("The server has not told yet.")
        if not state.sources and state.run is None:
            return _(
                "The server offers no labelled images to learn from; its administrator can name folders of them, and you under "
                "Connect for a server that is started here."
            )
        return ""

    def _show(self, state: AdaptationState) -> None:
        ui, run = self.ui, state.run
        fill(ui.sourceCombo, [(source.name, _about(source)) for source in state.sources], chosen(ui.sourceCombo))
        own = [("", _("the server's choice"))]
        fill(ui.methodCombo, own + [(name, title or name) for name, title in state.methods], chosen(ui.methodCombo) or "")
        running = run is not None and run.state not in _OVER
        ui.adaptStartButton.setEnabled(not running and bool(state.sources))
        ui.adaptStopButton.setEnabled(running)
        ui.adaptReportButton.setEnabled(run is not None and run.report)
        ui.adaptStateLabel.setText(_course(run) if run else "")
        ui.adaptProgress.setVisible(running and run.progress is not None)
        ui.adaptProgress.setValue(round(100 * run.progress.fraction) if run and run.progress else 0)
        curves.show(ui.adaptCurves, run.curves.losses if run else {}, _("Loss by epoch"))
        curves.show(ui.adaptMetricCurves, curves.overall(run.curves.metrics) if run else {}, _("Validation"))

    def _start(self) -> None:
        source = chosen(self.ui.sourceCombo)
        if source:
            self.panel.attempt(self.session.watch.adapt, source, chosen(self.ui.methodCombo) or None)

    def _stop(self) -> None:
        if ask.sure(self.panel.root, _("The adaptation ends here; nothing of it is published."), _("Stop it")):
            self.panel.attempt(self.session.watch.stop_adaptation)


def open_file(path: pathlib.Path) -> None:
    """Show a file in the browser."""
    qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(path)))


def _about(source: Source) -> str:
    if source.problem:
        return _("{name} (not for this task)").format(name=source.name)
    kind = " ".join(part for part in (source.modality, source.sequence) if part)
    count = _("{count} images").format(count=source.images)
    return f"{source.name} ({', '.join(part for part in (kind, count) if part)})"


def _course(run: AdaptationRun) -> str:
    progress = run.progress
    how_far = ""
    if progress is not None and progress.epochs:
        how_far = course(progress)
    what = _("{method} from {source}: {state}").format(
        method=run.method, source=run.source, state=_states().get(run.state, run.state)
    )
    return lines(what, how_far, run.message or (progress.message if progress else ""))


def _states() -> dict[str, str]:
    return {
        "queued": _("waiting for its turn"),
        "preparing": _("preparing"),
        "training": _("training"),
        "finished": _("finished"),
        "cancelled": _("stopped"),
        "failed": _("failed"),
    }
