"""6  Classify: the person's choice beside the model's, and why the model thinks so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import qt
from slicer.i18n import tr as _

from CrossLabelLib.client.results import ClassAnswer, Task
from CrossLabelLib.panel.class_rows import ClassRows
from CrossLabelLib.panel.overlay import OverlaySliders
from CrossLabelLib.panel.section import Section, chosen, fill, lines
from CrossLabelLib.panel.texts import share

if TYPE_CHECKING:
    from CrossLabelLib.panel.panel import Panel

_IN_SCENE = "class"
_AXES = ("i", "j", "k")


class ClassifySection(Section):
    """Only for tasks that classify.

    Attributes:
        choice: the person's class; empty before one was chosen. It is never the model's by itself.
    """

    parts = ("server", "task", "case", "class", "map", "busy")

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        ui, prediction = self.ui, self.session.prediction
        self.choice = ""
        self._case = None
        self._shown_slice: int | None = None
        self._rows = ClassRows(ui.classesWidget, self._choose)
        self._not_sure_key = qt.QShortcut(qt.QKeySequence("0"), ui.classesWidget)
        self._not_sure_key.activated.connect(lambda *_: ui.notSureCheck.click())
        ui.classifyAutoCheck.setChecked(self.settings.get("classify_on_load"))
        ui.classifyAutoCheck.toggled.connect(lambda on: self.settings.set("classify_on_load", bool(on)))
        ui.classifyButton.clicked.connect(lambda *_: self.panel.attempt(prediction.classify))
        ui.notSureCheck.clicked.connect(lambda *_: self._changed())
        ui.slicesCombo.activated.connect(lambda *_: self._jump())
        ui.heatmapButton.clicked.connect(lambda *_: self._explain())
        ui.heatmapHideButton.clicked.connect(lambda *_: self.panel.attempt(prediction.remove_map))
        fill(ui.explanationCombo, _explanations())
        self._sliders = OverlaySliders(self.session, ui.heatmapOpacitySlider, ui.heatmapThresholdSlider, "heatmap")

    @property
    def sure(self) -> bool:
        return not self.ui.notSureCheck.isChecked()

    @property
    def slice(self) -> int | None:
        """Index of the slice that the person looked at; None where they did not."""
        return self._shown_slice

    def show(self) -> None:
        ui, task, case = self.ui, self.session.task, self.session.work.case
        classifies = task is not None and task.kind == "classification"
        ui.classifySection.setVisible(classifies)
        self._rows.set_classes(task.classes if classifies else ())
        case_key = (task.name, case.id) if classifies and case is not None else None
        if case_key != self._case:
            self._case = case_key
            self._take_up()
        self._rows.set_enabled(case_key is not None)
        self._not_sure_key.setEnabled(case_key is not None)
        ui.notSureCheck.setEnabled(case_key is not None)
        if classifies:
            self._show(task, case_key is not None)

    def _show(self, task: Task, ready: bool) -> None:
        answer = self.session.prediction.answer
        self.ui.classifyButton.setEnabled(ready and task.available and not self.session.background.busy("class"))
        self._rows.set_probabilities(dict(answer.probabilities) if answer else {})
        self.ui.classInfoLabel.setText(_about(answer) if answer else "" if task.available else task.reason)
        self._show_slices(answer)
        self._show_explanation(task, ready)

    def _show_slices(self, answer: ClassAnswer | None) -> None:
        slices = answer.slices if answer else ()
        entries = [
            (
                number,
                _("slice {index} along {axis} ({weight})").format(
                    index=entry.index, axis=_AXES[entry.axis], weight=share(entry.weight)
                ),
            )
            for number, entry in enumerate(slices)
        ]
        for widget in (self.ui.slicesPrompt, self.ui.slicesCombo):
            widget.setVisible(bool(entries))
        fill(self.ui.slicesCombo, entries, chosen(self.ui.slicesCombo))

    def _show_explanation(self, task: Task, ready: bool) -> None:
        ui, missing = self.ui, self.session.missing("heatmaps")
        ui.explainMissingLabel.setText(missing)
        ui.explainMissingLabel.setVisible(bool(missing))
        shown = self.session.prediction.map
        ui.heatmapWidget.setVisible(not missing)
        fill(
            ui.heatmapClassCombo,
            [("", _("the answer")), *((name, name) for name in task.classes)],
            chosen(ui.heatmapClassCombo),
        )
        ui.heatmapButton.setEnabled(ready and task.available and not self.session.background.busy("map"))
        ui.heatmapHideButton.setEnabled(shown is not None and shown.kind == "heatmap")
        self._sliders.show()

    def _choose(self, name: str) -> None:
        self.choice = name
        self._changed()

    def _changed(self) -> None:
        """Keep the choice in the scene, and say what would be sent now."""
        kept = {"case": list(self._case), "name": self.choice, "sure": self.sure} if self._case else None
        self.session.scene.set(_IN_SCENE, kept)
        self.panel.submit_section.show()

    def _take_up(self) -> None:
        """Another case: without a choice, unless the scene was saved with one."""
        kept = self.session.scene.get(_IN_SCENE) if self._case else None
        same = isinstance(kept, dict) and kept.get("case") == list(self._case)
        self.choice = str(kept.get("name", "")) if same else ""
        self._shown_slice = None
        self._rows.choose(self.choice)
        self.ui.notSureCheck.setChecked(same and kept.get("sure") is False)

    def _jump(self) -> None:
        number, answer = chosen(self.ui.slicesCombo), self.session.prediction.answer
        if answer is not None and number is not None and number < len(answer.slices):
            self._shown_slice = answer.slices[number].index
            self.panel.attempt(self.session.prediction.jump, number)

    def _explain(self) -> None:
        name = chosen(self.ui.heatmapClassCombo) or None
        self.panel.attempt(self.session.prediction.explain, chosen(self.ui.explanationCombo), name)


def _explanations() -> list[tuple[str, str]]:
    return [
        ("gradcam", "Grad-CAM"),
        ("gradcam++", "Grad-CAM++"),
        ("integrated_gradients", _("Integrated gradients")),
        ("occlusion", _("Occlusion (slow)")),
    ]


def _about(answer: ClassAnswer) -> str:
    uncertainty = "" if answer.uncertainty is None else _("Uncertainty {value}").format(value=f"{answer.uncertainty:.2f}")
    unlike = _("This image is unlike those that the model learnt from: do not trust its answer.")
    costs = _("By what mistakes cost in this task, the answer is {name}.").format(name=answer.answer)
    return lines(
        costs if answer.answer != answer.best else "",
        unlike if answer.in_distribution is False else "",
        _("The probabilities are not calibrated: take them as an order only.") if answer.calibrated is False else "",
        uncertainty,
        _("By {name}").format(name=answer.checkpoint) if answer.checkpoint else "",
        _("It only shows how things work: the weights learnt from drawn pictures.") if answer.demonstration else "",
    )
