"""Stand-ins for widgets of ctk and Slicer: the interface that the panel uses, and a look that says what they are."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Property, QObject, QSettings, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QLabel, QToolButton, QVBoxLayout, QWidget

_HEADER = 26


class ctkCollapsibleButton(QWidget):  # noqa: N801
    """A header that shows and hides what lies below it."""

    contentsCollapsed = Signal(bool)  # noqa: N815

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._collapsed = False
        self._header = QToolButton(self)
        self._header.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._header.setStyleSheet("QToolButton { border: 1px solid #b8bec6; background: #e4e8ed; font-weight: bold; }")
        self._header.setArrowType(Qt.ArrowType.DownArrow)
        self._header.clicked.connect(lambda: self._set_collapsed(not self._collapsed))
        self.setContentsMargins(0, _HEADER, 0, 0)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        self._header.setGeometry(0, 0, event.size().width(), _HEADER - 2)

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(100, _HEADER) if self._collapsed else super().sizeHint()

    def _text(self) -> str:
        return self._header.text()

    def _set_text(self, text: str) -> None:
        self._header.setText(text)

    def _is_collapsed(self) -> bool:
        return self._collapsed

    def _set_collapsed(self, collapsed: bool) -> None:
        if collapsed == self._collapsed:
            return
        self._collapsed = collapsed
        self._header.setArrowType(Qt.ArrowType.RightArrow if collapsed else Qt.ArrowType.DownArrow)
        self.setMaximumHeight(_HEADER if collapsed else 16777215)
        self.updateGeometry()
        self.contentsCollapsed.emit(collapsed)

    text = Property(str, _text, _set_text)
    collapsed = Property(bool, _is_collapsed, _set_collapsed)


class qMRMLWidget(QWidget):  # noqa: N801
    """Hands the scene to the widgets in it, which the .ui file's connections do in Slicer."""

    def setMRMLScene(self, scene: Any) -> None:  # noqa: N802
        for child in self.findChildren(QWidget):
            if child is not self and hasattr(child, "setMRMLScene"):
                child.setMRMLScene(scene)


class qMRMLNodeComboBox(QComboBox):  # noqa: N801
    """The scene's scalar volumes by name, as they are when the list is opened."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene: Any = None

    def setMRMLScene(self, scene: Any) -> None:  # noqa: N802
        self._scene = scene
        self.refresh()

    def refresh(self) -> None:
        self.clear()
        self.addItem("Select a Volume", "")
        if self._scene is not None:
            for number in range(self._scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")):
                node = self._scene.GetNthNodeByClass(number, "vtkMRMLScalarVolumeNode")
                if not node.GetHideFromEditors():
                    self.addItem(node.GetName(), node.GetID())

    def showPopup(self) -> None:  # noqa: N802
        self.refresh()
        super().showPopup()

    def currentNode(self) -> Any:  # noqa: N802
        return self._scene.GetNodeByID(self.currentData()) if self._scene is not None and self.currentData() else None

    def setCurrentNode(self, node: Any) -> None:  # noqa: N802
        self.refresh()
        self.setCurrentIndex(max(0, self.findData(node.GetID() if node is not None else "")))


class qMRMLSegmentEditorWidget(qMRMLWidget):  # noqa: N801
    """Shows which segments would be edited, and remembers the nodes and whether shortcuts are installed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.segmentation: Any = None
        self.volume: Any = None
        self.editor_node: Any = None
        self.shortcuts_installed = False
        self._shown = QLabel(self)
        self._shown.setTextFormat(Qt.TextFormat.RichText)
        self._shown.setWordWrap(True)
        self._shown.setStyleSheet("QLabel { border: 1px dashed #8d99a6; padding: 6px; color: #3d4654; }")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._shown)
        self._show()

    def setMRMLScene(self, scene: Any) -> None:  # noqa: N802
        self._scene = scene

    def setMRMLSegmentEditorNode(self, node: Any) -> None:  # noqa: N802
        self.editor_node = node

    def setSegmentationNode(self, node: Any) -> None:  # noqa: N802
        self.segmentation = node
        self._show()

    def setSourceVolumeNode(self, node: Any) -> None:  # noqa: N802
        self.volume = node

    def setActiveEffectByName(self, name: str) -> None:  # noqa: N802
        self.effect = name

    def installKeyboardShortcuts(self) -> None:  # noqa: N802
        self.shortcuts_installed = True

    def uninstallKeyboardShortcuts(self) -> None:  # noqa: N802
        self.shortcuts_installed = False

    def setupViewObservations(self) -> None:  # noqa: N802
        pass

    def setActiveEffect(self, effect: object) -> None:  # noqa: N802
        self.active_effect = effect

    def removeViewObservations(self) -> None:  # noqa: N802
        pass

    def _show(self) -> None:
        text = "<i>Slicer's segment editor is here: paint, erase, scissors, threshold, islands ...</i>"
        if self.segmentation is not None:
            segmentation = self.segmentation.GetSegmentation()
            for number in range(segmentation.GetNumberOfSegments()):
                segment = segmentation.GetNthSegment(number)
                color = "#" + "".join(f"{round(255 * part):02x}" for part in segment.GetColor())
                text += f'<br><span style="color:{color}">■</span> {segment.GetName()}'
        self._shown.setText(text)


class ctkSettingsPanel(QWidget):  # noqa: N801
    """Keeps properties of widgets in QSettings."""

    def registerProperty(self, key: str, widget: QObject, name: str, signal: str, *_: Any) -> None:  # noqa: N802
        stored = QSettings().value(key)
        if stored is not None:
            kind = type(widget.property(name))
            widget.setProperty(name, stored in (True, "true") if kind is bool else kind(stored))
        QObject.connect(widget, signal, lambda *_: QSettings().setValue(key, widget.property(name)))


STAND_INS = (ctkCollapsibleButton, qMRMLWidget, qMRMLNodeComboBox, qMRMLSegmentEditorWidget)
CTK = (ctkCollapsibleButton, ctkSettingsPanel)
