"""The .ui file and the code that uses it."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

_MODULE = Path(__file__).parents[3] / "slicer_extension" / "CrossLabel"
_FILES = [_MODULE / "CrossLabel.py", *sorted((_MODULE / "CrossLabelLib" / "panel").glob("*.py"))]


def names() -> set[str]:
    tree = ElementTree.parse(_MODULE / "Resources" / "UI" / "CrossLabel.ui")
    return {element.get("name") for kind in ("widget", "layout", "spacer") for element in tree.iter(kind)}


def test_every_widget_that_the_code_names_is_in_the_ui_file():
    used = {name for path in _FILES for name in re.findall(r"\bui\.(\w+)", path.read_text("utf-8"))}
    assert len(used) > 60
    assert used - names() == set()


def test_no_name_is_given_twice():
    tree = ElementTree.parse(_MODULE / "Resources" / "UI" / "CrossLabel.ui")
    given = [element.get("name") for element in tree.iter("widget")]
    assert sorted(given) == sorted(set(given))


def test_every_button_list_and_box_does_something():
    """What a person can press is connected to code, not only drawn."""
    tree = ElementTree.parse(_MODULE / "Resources" / "UI" / "CrossLabel.ui")
    pressed = ("QPushButton", "QComboBox", "QCheckBox", "QSlider", "QLineEdit", "QSpinBox")
    widgets = {element.get("name") for element in tree.iter("widget") if element.get("class") in pressed}
    code = "\n".join(path.read_text("utf-8") for path in _FILES)
    assert {name for name in widgets if f"ui.{name}" not in code} == set()


def test_buttons_say_what_they_do_when_the_mouse_rests_on_them():
    tree = ElementTree.parse(_MODULE / "Resources" / "UI" / "CrossLabel.ui")
    buttons = [element for element in tree.iter("widget") if element.get("class") == "QPushButton"]
    silent = {b.get("name") for b in buttons if not "".join(b.itertext()).strip() or not b.findall("property[@name='toolTip']")}
    assert silent == set()


@pytest.mark.parametrize("kind", ["QPushButton", "QCheckBox"])
def test_every_button_has_a_text(kind):
    tree = ElementTree.parse(_MODULE / "Resources" / "UI" / "CrossLabel.ui")
    for element in tree.iter("widget"):
        if element.get("class") == kind:
            assert element.findtext("property[@name='text']/string"), element.get("name")
