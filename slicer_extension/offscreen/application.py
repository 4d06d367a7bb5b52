"""What a scripted module finds in ``slicer`` when the application runs, as far as it can be had without it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import slicer
import slicer.util
from PySide6.QtCore import QCoreApplication, QProcessEnvironment, QSettings, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication, QTabWidget, QWidget
from slicer_extension.offscreen import qt_module, widgets

EXTENSION = Path(__file__).resolve().parent.parent
MODULE = EXTENSION / "CrossLabel"


class _Application:
    """As ``slicer.app``."""

    def __init__(self, settings: Path) -> None:
        QSettings.setDefaultFormat(QSettings.Format.IniFormat)
        QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(settings))
        QCoreApplication.setOrganizationName("offscreen")
        QCoreApplication.setApplicationName("Slicer")
        self.qt = QApplication.instance() or QApplication([])
        self.qt.setStyle("Fusion")
        self.temporaryPath = str(settings)
        self.slicerHome = str(settings)
        self._settings = QTabWidget()

    def commandOptions(self) -> SimpleNamespace:  # noqa: N802
        return SimpleNamespace(noMainWindow=False)

    def connect(self, _: str, function: Any) -> None:
        """The application has started already."""
        function()

    def settingsDialog(self) -> SimpleNamespace:  # noqa: N802
        return SimpleNamespace(addPanel=lambda title, panel: self._settings.addTab(panel, title), tabs=self._settings)

    def startupEnvironment(self) -> QProcessEnvironment:  # noqa: N802
        return QProcessEnvironment.systemEnvironment()

    def processEvents(self) -> None:  # noqa: N802
        self.qt.processEvents()

    def layoutManager(self) -> None:  # noqa: N802
        """There are no slice views."""
        return


class _ScriptedLoadableModule:
    def __init__(self, parent: Any) -> None:
        self.parent = parent

    def getDefaultModuleDocumentationLink(self) -> str:  # noqa: N802
        return ""


class _ScriptedLoadableModuleWidget:
    def __init__(self, parent: QWidget | None = None) -> None:
        import qt

        self.parent = parent if parent is not None else QWidget()
        self.layout = self.parent.layout() or qt.QVBoxLayout(self.parent)
        self.layout.setContentsMargins(0, 0, 0, 0)

    def setup(self) -> None:
        pass

    def cleanup(self) -> None:
        pass

    def resourcePath(self, name: str) -> str:  # noqa: N802
        return str(MODULE / "Resources" / name)


class _ScriptedLoadableModuleLogic:
    pass


def _test_case() -> type:
    import unittest

    class ScriptedLoadableModuleTest(unittest.TestCase):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*(arguments or ("runTest",)))

        def delayDisplay(self, message: str, *_: Any) -> None:  # noqa: N802
            print(message)

        def runTest(self) -> None:  # noqa: N802
            pass

    return ScriptedLoadableModuleTest


def install(settings: Path) -> _Application:
    """Make ``qt``, ``ctk`` and what is missing of ``slicer``; once in a process.

    Args:
        settings: folder for the application's settings.
    """
    if hasattr(slicer, "app"):
        return slicer.app
    qt_module.install()
    ctk = ModuleType("ctk")
    for stand_in in widgets.CTK:
        setattr(ctk, stand_in.__name__, stand_in)
    sys.modules["ctk"] = ctk
    translation = ModuleType("slicer.i18n")
    translation.tr = translation.translate = lambda text, *rest: rest[0] if rest else text
    sys.modules["slicer.i18n"] = slicer.i18n = translation
    loadable = ModuleType("slicer.ScriptedLoadableModule")
    for stand_in in (_ScriptedLoadableModule, _ScriptedLoadableModuleWidget, _ScriptedLoadableModuleLogic):
        setattr(loadable, stand_in.__name__.lstrip("_"), stand_in)
    loadable.ScriptedLoadableModuleTest = _test_case()
    sys.modules["slicer.ScriptedLoadableModule"] = slicer.ScriptedLoadableModule = loadable
    slicer.util.childWidgetVariables = _named_children
    slicer.app = _Application(settings)
    if str(MODULE) not in sys.path:
        sys.path.insert(0, str(MODULE))
    return slicer.app


def _named_children(widget: QWidget) -> SimpleNamespace:
    """PythonQt names ``objectName`` ``name``, which Slicer's own function relies on."""
    from PySide6.QtCore import QObject

    return SimpleNamespace(**{child.objectName(): child for child in widget.findChildren(QObject) if child.objectName()})


def opened_addresses() -> list[str]:
    """The addresses that are opened in the browser from now on, in place of opening them."""
    addresses: list[str] = []

    def remember(url: QUrl) -> bool:
        addresses.append(url.toString())
        return True

    QDesktopServices.openUrl = remember
    sys.modules["qt"].QDesktopServices = SimpleNamespace(openUrl=remember)
    return addresses
