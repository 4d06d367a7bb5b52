"""4  Proposal: what the model draws, how sure it is, and where it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import qt
from slicer.i18n import tr as _

from CrossLabelLib.client.results import Proposal, Task
from CrossLabelLib.panel.overlay import OverlaySliders
from CrossLabelLib.panel.section import Section, lines
from CrossLabelLib.panel.texts import share, volume

if TYPE_CHECKING:
    from CrossLabelLib.panel.panel import Panel


class ProposalSection(Section):
    """Only for tasks that draw."""

    parts = ("server", "task", "case", "proposal", "map", "busy")

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        ui, prediction = self.ui, self.session.prediction
        ui.proposeAutoCheck.setChecked(self.settings.get("propose_on_load"))
        ui.proposeAutoCheck.toggled.connect(lambda on: self.settings.set("propose_on_load", bool(on)))
        ui.proposeButton.clicked.connect(lambda *_: self.panel.attempt(prediction.propose))
        ui.showProposalButton.clicked.connect(lambda *_: self.panel.attempt(prediction.show_proposal))
        ui.emptyButton.clicked.connect(lambda *_: self._draw_by_hand())
        ui.uncertaintyCheck.clicked.connect(lambda *_: self._toggle_uncertainty())
        ui.proposalTable.horizontalHeader().setStretchLastSection(True)
        ui.proposalTable.verticalHeader().hide()
        self._sliders = OverlaySliders(self.session, ui.uncertaintyOpacitySlider, ui.uncertaintyThresholdSlider, "uncertainty")

    def show(self) -> None:
        ui, prediction, task = self.ui, self.session.prediction, self.session.task
        ui.proposalSection.setVisible(task is None or task.kind == "segmentation")
        case = self.session.work.case
        ready = task is not None and case is not None
        ui.proposeButton.setEnabled(ready and task.available and not self.session.background.busy("proposal"))
        blocked = task.reason if task is not None and not task.available else ""
        ui.proposeButton.setToolTip(blocked or _("Asks the server for a segmentation of this case."))
        ui.emptyButton.setEnabled(ready)
        ui.showProposalButton.setVisible(prediction.waiting)
        ui.proposalInfoLabel.setText(self._about(prediction.proposal, task))
        self._show_table(prediction.proposal, task)
        self._show_uncertainty(ready)

    def _about(self, proposal: Proposal | None, task: Task | None) -> str:
        if proposal is None:
            return "" if task is None or task.available else _("No proposals: {reason}").format(reason=task.reason)
        return lines(
            _("A proposal came while you were drawing; yours is untouched.") if self.session.prediction.waiting else "",
            _("By {name}").format(name=proposal.checkpoint) if proposal.checkpoint else "",
            _("It only shows how things work: the weights learnt from drawn phantoms.") if proposal.demonstration else "",
            *proposal.warnings,
        )

    def _show_table(self, proposal: Proposal | None, task: Task | None) -> None:
        table = self.ui.proposalTable
        labels = task.labels if task is not None and proposal is not None else ()
        table.setVisible(bool(labels))
        table.setRowCount(len(labels))
        # A server that says nothing about quality gets no column of dashes.
        table.setColumnHidden(2, not (proposal and proposal.confidence))
        table.setColumnHidden(3, not (proposal and proposal.quality))
        for row, label in enumerate(labels):
            name = qt.QTableWidgetItem(label.name)
            name.setIcon(_swatch(label.color))
            table.setItem(row, 0, name)
            numbers = (proposal.volumes_ml, proposal.confidence, proposal.quality)
            for column, (values, text) in enumerate(zip(numbers, (volume, share, share)), start=1):
                table.setItem(row, column, qt.QTableWidgetItem(text(values.get(label.name))))

    def _show_uncertainty(self, ready: bool) -> None:
        ui, missing = self.ui, self.session.missing("uncertainty")
        ui.uncertaintyWidget.setVisible(self.session.server is not None and not missing)
        ui.uncertaintyMissingLabel.setText(missing)
        ui.uncertaintyMissingLabel.setVisible(bool(missing))
        ui.uncertaintyCheck.setEnabled(ready)
        shown = self.session.prediction.map
        ui.uncertaintyCheck.setChecked(
            (shown is not None and shown.kind == "uncertainty") or self.session.background.busy("map")
        )
        self._sliders.show()

    def _toggle_uncertainty(self) -> None:
        if self.ui.uncertaintyCheck.isChecked():
            self.panel.attempt(self.session.prediction.show_uncertainty)
        else:
            self.session.background.cancel("map")
            self.panel.attempt(self.session.prediction.remove_map)

    def _draw_by_hand(self) -> None:
        self.panel.attempt(self.session.prediction.start_empty)
        self.panel.correct_section.show()


def _swatch(color: str) -> qt.QIcon:
    picture = qt.QPixmap(12, 12)
    picture.fill(qt.QColor(color))
    return qt.QIcon(picture)
