"""The panel's code runs under PythonQt, which is not here: these rules keep it to what both have."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from PySide6 import QtCore, QtGui, QtWidgets

_EXTENSION = Path(__file__).parents[3] / "slicer_extension" / "CrossLabel"
_FILES = [_EXTENSION / "CrossLabel.py", *sorted((_EXTENSION / "CrossLabelLib" / "panel").glob("*.py"))]


def _properties() -> set[str]:
    """Names that PythonQt offers as values and not as methods: the properties of all widgets, actions and timers."""
    names: set[str] = set()
    for part in (QtCore, QtGui, QtWidgets):
        for name in dir(part):
            meta = getattr(getattr(part, name), "staticMetaObject", None)
            if isinstance(meta, QtCore.QMetaObject) and not name.startswith("QGraphics"):
                names |= {meta.property(number).name() for number in range(meta.propertyCount())}
    return names


# The same names where they are methods in PythonQt too: not of widgets, or not properties of that widget.
_METHODS = ("qt.QSettings().value", "self._table.currentRow", ".format", "texts.size", "qt.QTimer.singleShot")


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.name)
def test_no_property_is_called_as_a_method(path):
    properties = _properties()
    assert {"text", "value", "currentIndex", "checked", "title"} <= properties
    calls = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
    attributes = [node.func for node in calls if isinstance(node.func, ast.Attribute) and node.func.attr in properties]
    wrong = [f"line {node.lineno}: {ast.unparse(node)}()" for node in attributes if not ast.unparse(node).endswith(_METHODS)]
    assert not wrong, "PythonQt has these as values; write property('name')"


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.name)
def test_no_name_of_pyside_is_used(path):
    text = path.read_text("utf-8")
    assert "PySide" not in text
    assert "@qt.Slot" not in text


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.name)
def test_sentences_for_people_can_be_translated(path):
    """Text that is set on a widget goes through ``_``, so that Slicer's language packs find it."""
    setters = {"setText", "setToolTip", "setWindowTitle", "setPlaceholderText"}
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in setters:
            for argument in node.args:
                plain = isinstance(argument, ast.Constant) and isinstance(argument.value, str) and argument.value.strip()
                assert not plain, f"line {argument.lineno}: {argument.value!r} is not translatable"
