"""The module ``CrossLabel``: annotates with a CrossLabel or MONAI Label server. All work is done in CrossLabelLib."""

from __future__ import annotations

import pathlib
import sys
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)

from CrossLabelLib.background import Background
from CrossLabelLib.panel.panel import Panel
from CrossLabelLib.panel.settings_panel import SettingsPanel
from CrossLabelLib.panel.storage import QtStorage
from CrossLabelLib.scene.scene import Scene
from CrossLabelLib.session import Session
from CrossLabelLib.settings import Settings


class CrossLabel(ScriptedLoadableModule):
    """Describes the module to Slicer."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("CrossLabel")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Active Learning")]
        parent.dependencies = []
        parent.contributors = [_("The CrossLabel authors")]
        parent.helpText = _("Annotates with a CrossLabel or MONAI Label server. Nothing is sent before you press Connect.")
        parent.acknowledgementText = _("Research software: it is not a medical device, and nothing it answers is a diagnosis.")
        slicer.app.connect("startupCompleted()", _add_settings_panel)


def _add_settings_panel() -> None:
    if not slicer.app.commandOptions().noMainWindow:
        # Slicer's dialog does not keep a Python object alive.
        slicer.modules.CrossLabelSettings = SettingsPanel()
        slicer.app.settingsDialog().addPanel("CrossLabel", slicer.modules.CrossLabelSettings)


class CrossLabelWidget(ScriptedLoadableModuleWidget):
    """Loads the panel, and tells it of Slicer's comings and goings.

    Attributes:
        panel: None before :meth:`setup` and after :meth:`cleanup`.
        logic: with the session.
    """

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        self.panel: Panel | None = None
        self.logic: CrossLabelLogic | None = None
        self._observed: list[int] = []

    def setup(self) -> None:
        ScriptedLoadableModuleWidget.setup(self)
        root = slicer.util.loadUI(self.resourcePath("UI/CrossLabel.ui"))
        self.layout.addWidget(root)
        root.setMRMLScene(slicer.mrmlScene)
        self.ui = slicer.util.childWidgetVariables(root)
        self.logic = CrossLabelLogic()
        self.panel = Panel(root, self.ui, self.logic.session)
        scene = slicer.vtkMRMLScene
        events = {
            scene.StartCloseEvent: self.panel.scene_closes,
            scene.EndCloseEvent: self.panel.scene_closed,
            scene.StartImportEvent: self.panel.scene_comes,
            scene.EndImportEvent: self.panel.scene_loaded,
        }
        for event, hear in events.items():
            self._observed.append(slicer.mrmlScene.AddObserver(event, lambda *_, hear=hear: hear()))

    def cleanup(self) -> None:
        """The module is reloaded or Slicer ends: what is unsaved is kept on this computer."""
        for tag in self._observed:
            slicer.mrmlScene.RemoveObserver(tag)
        self._observed = []
        if self.panel is not None:
            self.exit()
            self.panel.close()
            self.panel = None

    def enter(self) -> None:
        self.ui.segmentEditor.setupViewObservations()
        if self.panel is not None:
            self.panel.correct_section.take_keys(True)

    def exit(self) -> None:
        # Else the next click in a view would paint.
        self.ui.segmentEditor.setActiveEffect(None)
        if self.panel is not None:
            self.panel.correct_section.take_keys(False)
        self.ui.segmentEditor.removeViewObservations()

    def onReload(self) -> None:  # noqa: N802
        """Reload the library as well; Slicer would load this file alone again."""
        for name in [name for name in sys.modules if name.split(".")[0] == "CrossLabelLib"]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)


class CrossLabelLogic(ScriptedLoadableModuleLogic):
    """What works without the panel, also from a script.

    Args:
        settings: of the person; by default Slicer's.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        ScriptedLoadableModuleLogic.__init__(self)
        background = Background(lambda ms, call: qt.QTimer.singleShot(ms, call))
        self.session = Session(Scene(), background, settings=settings or Settings(QtStorage()))


class CrossLabelTest(ScriptedLoadableModuleTest):
    """Slicer's self-test; see CrossLabelLib/panel/selftest.py."""

    def setUp(self) -> None:
        slicer.mrmlScene.Clear(0)

    def runTest(self) -> None:  # noqa: N802
        from CrossLabelLib.panel import selftest

        self.setUp()
        for name, test in selftest.tests(pathlib.Path(slicer.app.temporaryPath)):
            self.delayDisplay(name)
            test()
        self.delayDisplay("CrossLabel: all tests passed")
