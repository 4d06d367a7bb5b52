"""2  Task: what is annotated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slicer.i18n import tr as _

from CrossLabelLib.client.results import Task
from CrossLabelLib.panel.section import Section, chosen, fill, lines

if TYPE_CHECKING:
    from CrossLabelLib.panel.panel import Panel


class TaskSection(Section):
    """The server's tasks by their titles."""

    parts = ("server", "task")

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self.ui.taskCombo.activated.connect(lambda *_: self._choose())

    def show(self) -> None:
        server, task = self.session.server, self.session.task
        entries = [(entry.name, entry.title or entry.name) for entry in server.tasks] if server else []
        if task is None:
            entries.insert(0, ("", _("Choose a task") if server else ""))
        fill(self.ui.taskCombo, entries, task.name if task else "")
        self.ui.taskCombo.setEnabled(bool(server))
        self.ui.taskInfoLabel.setText(_about(task) if task else "")

    def _choose(self) -> None:
        name = chosen(self.ui.taskCombo)
        if name:
            self.panel.attempt(self.session.choose_task, name)
        # Where unsaved work was kept, the task is still the old one.
        self.show()


def _about(task: Task) -> str:
    what = ", ".join(label.name for label in task.labels) or ", ".join(task.classes)
    return lines(
        what,
        "" if task.available else _("It cannot predict: {reason}").format(reason=task.reason),
        _("Weights: {name}").format(name=task.checkpoint) if task.checkpoint else "",
        _("These weights only show how things work; they learnt from drawn phantoms.") if task.demonstration else "",
    )
