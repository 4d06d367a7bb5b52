"""A module ``qt`` made of PySide6, named as PythonQt names things."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets
from slicer_extension.offscreen.loading import Loader


def install() -> ModuleType:
    """Put ``qt`` among the modules, once."""
    if "qt" in sys.modules:
        return sys.modules["qt"]
    module = ModuleType("qt")

    def find(name: str) -> Any:
        # PySide6 makes its names when they are asked for, so they cannot be copied beforehand.
        for part in (QtCore, QtGui, QtWidgets):
            if hasattr(part, name):
                return getattr(part, name)
        raise AttributeError(f"module 'qt' has no attribute '{name}'")

    module.__getattr__ = find
    module.QUiLoader = Loader
    sys.modules["qt"] = module
    return module
