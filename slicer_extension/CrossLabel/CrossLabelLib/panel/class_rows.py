"""The classes of a task: what the model believes beside what the person chooses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import qt

from CrossLabelLib.panel.texts import share

# Keys 1 to 9; 0 means "not sure".
MOST_KEYS = 9


class ClassRows:
    """One row for each class: a button to choose it, and a bar of its probability.

    Args:
        parent: widget with a grid layout.
        chosen: called with a class when a person chooses it.
    """

    def __init__(self, parent: Any, chosen: Callable[[str], None]) -> None:
        self._parent = parent
        self._chosen = chosen
        self._group = qt.QButtonGroup(parent)
        self._group.setExclusive(True)
        self._shortcuts: list[Any] = []
        self._widgets: list[Any] = []
        self.buttons: dict[str, Any] = {}
        self.bars: dict[str, Any] = {}

    def set_classes(self, classes: tuple[str, ...]) -> None:
        """Make the rows; nothing is chosen afterwards."""
        if tuple(self.buttons) == classes:
            return
        self._remove()
        for row, name in enumerate(classes):
            self._add(row, name)

    def set_probabilities(self, probabilities: Mapping[str, float]) -> None:
        for name, bar in self.bars.items():
            value = probabilities.get(name)
            bar.setValue(0 if value is None else round(1000 * value))
            bar.setFormat("" if value is None else share(value))

    def choose(self, name: str) -> None:
        """Show a choice; an unknown or empty name is none."""
        # An exclusive group does not let its last button go.
        self._group.setExclusive(False)
        for known, button in self.buttons.items():
            button.setChecked(known == name)
        self._group.setExclusive(True)

    def set_enabled(self, enabled: bool) -> None:
        for widget in (*self.buttons.values(), *self._shortcuts):
            widget.setEnabled(enabled)

    def _add(self, row: int, name: str) -> None:
        layout = self._parent.layout()
        key = str(row + 1) if row < MOST_KEYS else ""
        button = qt.QRadioButton(f"{key}  {name}".replace("&", "&&").strip(), self._parent)
        button.setObjectName(f"class_{name}")
        bar = qt.QProgressBar(self._parent)
        bar.setRange(0, 1000)
        bar.setFormat("")
        button.clicked.connect(lambda *_: self._chosen(name))
        self._group.addButton(button)
        layout.addWidget(button, row, 0)
        layout.addWidget(bar, row, 1)
        self._widgets += [button, bar]
        self.buttons[name], self.bars[name] = button, bar
        if key:
            shortcut = qt.QShortcut(qt.QKeySequence(key), self._parent)
            shortcut.activated.connect(lambda *_: self._by_key(name))
            self._shortcuts.append(shortcut)

    def _by_key(self, name: str) -> None:
        self.choose(name)
        self._chosen(name)

    def _remove(self) -> None:
        for button in self.buttons.values():
            self._group.removeButton(button)
        for widget in (*self._widgets, *self._shortcuts):
            widget.setParent(None)
            widget.deleteLater()
        self._widgets, self._shortcuts = [], []
        self.buttons, self.bars = {}, {}
