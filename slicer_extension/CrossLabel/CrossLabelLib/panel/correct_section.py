"""5  Correct: Slicer's own segment editor on the case."""

from __future__ import annotations

from typing import TYPE_CHECKING

import slicer
from slicer.i18n import tr as _

from CrossLabelLib.panel.section import Section

if TYPE_CHECKING:
    from CrossLabelLib.panel.panel import Panel

_EDITOR_NODE = "CrossLabelEditor"


class CorrectSection(Section):
    """Points the editor at what is in hand."""

    parts = ("server", "task", "case", "proposal", "unsaved", "saved")

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self._entered = self._has_keys = False
        self.use_scene()

    def use_scene(self) -> None:
        """Give the editor a node of the present scene, as after another one was opened."""
        node = slicer.mrmlScene.GetSingletonNode(_EDITOR_NODE, "vtkMRMLSegmentEditorNode")
        if node is None:
            node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLSegmentEditorNode")
            node.UnRegister(None)
            node.SetSingletonTag(_EDITOR_NODE)
            node = slicer.mrmlScene.AddNode(node)
        self.ui.segmentEditor.setMRMLSegmentEditorNode(node)

    def take_keys(self, entered: bool) -> None:
        """The module was entered or left: the editor has its keys only within, and where there is something to segment.

        The digits are the editor's segments, and of a classification its classes; a key of both does nothing at all.
        """
        self._entered = entered
        task = self.session.task
        wanted = entered and (task is None or task.kind == "segmentation")
        if wanted and not self._has_keys:
            self.ui.segmentEditor.installKeyboardShortcuts()
        elif self._has_keys and not wanted:
            self.ui.segmentEditor.uninstallKeyboardShortcuts()
        self._has_keys = wanted

    def show(self) -> None:
        self.take_keys(self._entered)
        task, scene = self.session.task, self.session.scene
        self.ui.correctSection.setVisible(task is None or task.kind == "segmentation")
        self.ui.correctLabel.setText(self._state())
        self.ui.segmentEditor.setSegmentationNode(scene.segmentation)
        self.ui.segmentEditor.setSourceVolumeNode(scene.image)

    def _state(self) -> str:
        work = self.session.work
        if work.case is None:
            return _("Open a case first.")
        if work.unsaved and not work.case.id:
            return _(
                "There are changes that are not sent. They are kept on this computer once the image is added to the server."
            )
        if work.unsaved:
            return _("There are changes that are not sent. They are kept on this computer every {seconds} s.").format(
                seconds=self.settings.get("autosave_seconds")
            )
        return _("Everything is sent.") if self.session.submission.saved else _("Nothing was changed yet.")
