"""Questions that must be answered before something is lost."""

from __future__ import annotations

from typing import Any

import qt
from slicer.i18n import tr as _


def discard(parent: Any, what: str) -> bool:
    """Whether unsaved work may be thrown away; keeping it is what Enter and Escape do."""
    box = qt.QMessageBox(parent)
    box.setObjectName("discardQuestion")
    box.setIcon(qt.QMessageBox.Warning)
    box.setWindowTitle(_("Unsaved work"))
    box.setText(what)
    throw = box.addButton(_("Discard"), qt.QMessageBox.DestructiveRole)
    keep = box.addButton(_("Keep"), qt.QMessageBox.RejectRole)
    box.setDefaultButton(keep)
    box.setEscapeButton(keep)
    box.exec_()
    return box.clickedButton() == throw


def sure(parent: Any, what: str, yes: str) -> bool:
    """Whether something that others notice is meant."""
    box = qt.QMessageBox(parent)
    box.setObjectName("sureQuestion")
    box.setIcon(qt.QMessageBox.Question)
    box.setWindowTitle(_("CrossLabel"))
    box.setText(what)
    go = box.addButton(yes, qt.QMessageBox.AcceptRole)
    stop = box.addButton(_("Cancel"), qt.QMessageBox.RejectRole)
    box.setDefaultButton(stop)
    box.setEscapeButton(stop)
    box.exec_()
    return box.clickedButton() == go
