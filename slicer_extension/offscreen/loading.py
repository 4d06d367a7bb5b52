"""Loading a .ui file of Slicer's, with stand-ins for the widgets that only Slicer has."""

from __future__ import annotations

from xml.etree import ElementTree

from PySide6.QtCore import QBuffer, QByteArray, QFile, QIODevice
from PySide6.QtUiTools import QUiLoader
from PySide6.QtWidgets import QWidget
from slicer_extension.offscreen.widgets import STAND_INS


class Loader(QUiLoader):
    """As ``qt.QUiLoader``; a custom widget of which there is no stand-in is an error, not a plain widget."""

    def __init__(self) -> None:
        super().__init__()
        for stand_in in STAND_INS:
            self.registerCustomWidget(stand_in)

    def load(self, file: QFile, parent: QWidget | None = None) -> QWidget:
        root = ElementTree.fromstring(bytes(file.readAll().data()))
        known = {stand_in.__name__ for stand_in in STAND_INS}
        unknown = {name.text for name in root.iterfind("customwidgets/customwidget/class")} - known
        if unknown:
            raise RuntimeError(f"there is no stand-in for {', '.join(sorted(unknown))}")
        # Signals and slots that take MRML nodes exist in C++ alone.
        for connections in root.findall("connections"):
            root.remove(connections)
        buffer = QBuffer()
        buffer.setData(QByteArray(ElementTree.tostring(root)))
        buffer.open(QIODevice.OpenModeFlag.ReadOnly)
        return super().load(buffer, parent)
