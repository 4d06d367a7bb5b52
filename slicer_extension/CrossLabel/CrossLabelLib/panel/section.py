"""What all sections of the panel share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from CrossLabelLib.panel.panel import Panel


class Section:
    """One section: shows parts of the session, and hands what a person does to it.

    Args:
        panel: that it belongs to.

    Attributes:
        parts: of the session that it shows.
    """

    parts: tuple[str, ...] = ()

    def __init__(self, panel: Panel) -> None:
        self.panel = panel
        self.ui = panel.ui
        self.session = panel.session
        self.settings = panel.session.settings

    def show(self) -> None:
        """Show the session as it is."""
        raise NotImplementedError


def text_of(widget: Any) -> str:
    """The text of a line or a label."""
    return str(widget.property("text"))


def chosen(combo: Any) -> Any:
    """The value behind the chosen entry; None without one."""
    index = combo.property("currentIndex")
    return combo.itemData(index) if index >= 0 else None


def fill(combo: Any, entries: Iterable[tuple[Any, str]], current: Any = None) -> None:
    """Show (value, text) entries, and choose one, by default the first; a list that stays the same is not touched."""
    entries = list(entries)
    old = [(combo.itemData(index), combo.itemText(index)) for index in range(combo.property("count"))]
    if old != entries:
        combo.clear()
        for value, text in entries:
            combo.addItem(text, value)
    values = [value for value, _ in entries]
    combo.setCurrentIndex(values.index(current) if current in values else min(0, len(values) - 1))


def lines(*sentences: str) -> str:
    """Sentences that are there, one below the other."""
    return "\n".join(sentence for sentence in sentences if sentence)
