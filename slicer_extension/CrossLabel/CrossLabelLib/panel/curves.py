"""Curves drawn into a picture: no plotting library, and the same in Slicer and outside."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import qt

Curve = Sequence[tuple[float, float]]

# Told apart by most people, also by those who confuse red and green (Okabe and Ito).
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_GROUND, _FRAME, _TEXT = "#ffffff", "#9aa4ae", "#303840"
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 10, 22, 20
_LINE = 14


@dataclass(frozen=True)
class Axes:
    """The rectangle of values that is shown."""

    left: float
    right: float
    low: float
    high: float

    def column(self, value: float, width: int) -> float:
        return _LEFT + (value - self.left) / (self.right - self.left) * (width - _LEFT - _RIGHT)

    def row(self, value: float, height: int) -> float:
        return height - _BOTTOM - (value - self.low) / (self.high - self.low) * (height - _TOP - _BOTTOM)


def axes_of(curves: Mapping[str, Curve]) -> Axes | None:
    """Axes that hold all finite points; None where there are none."""
    points = [(x, y) for curve in curves.values() for x, y in curve if math.isfinite(x) and math.isfinite(y)]
    if not points:
        return None
    xs, ys = [x for x, _ in points], [y for _, y in points]
    margin = (max(ys) - min(ys)) * 0.05 or max(abs(max(ys)) * 0.05, 0.01)
    right = max(xs) if max(xs) > min(xs) else min(xs) + 1.0
    return Axes(min(xs), right, min(ys) - margin, max(ys) + margin)


def shown(curves: Mapping[str, Curve], most: int = len(COLORS)) -> dict[str, Curve]:
    """The first curves that have points: more than there are colours cannot be told apart."""
    return dict([(name, curve) for name, curve in curves.items() if curve][:most])


def overall(curves: Mapping[str, Curve]) -> dict[str, Curve]:
    """Those that are no part of another one, as ``dice liver`` is of ``dice``."""
    return {name: curve for name, curve in curves.items() if not any(name.startswith(f"{other} ") for other in curves)}


def draw(curves: Mapping[str, Curve], title: str, width: int, height: int) -> Any:
    """A ``qt.QPixmap`` of curves by name, over epochs."""
    picture = qt.QPixmap(width, height)
    picture.fill(qt.QColor(_GROUND))
    painter = qt.QPainter()
    painter.begin(picture)
    painter.setRenderHint(qt.QPainter.Antialiasing, True)
    drawn = shown(curves)
    axes = axes_of(drawn)
    if axes is not None:
        _frame(painter, axes, width, height)
        for color, curve in zip(COLORS, drawn.values()):
            _line(painter, axes, curve, color, width, height)
    _legend(painter, title, drawn)
    painter.end()
    return picture


def show(label: Any, curves: Mapping[str, Curve], title: str, height: int = 150) -> None:
    """Draw into a label, which is hidden while there is nothing to draw."""
    drawn = shown(curves)
    if drawn:
        # Not the label's own width: its picture would keep the panel from becoming narrower again.
        label.setPixmap(draw(drawn, title, 380, height))
    label.setVisible(bool(drawn))


def _frame(painter: Any, axes: Axes, width: int, height: int) -> None:
    painter.setPen(qt.QPen(qt.QColor(_FRAME)))
    painter.drawRect(_LEFT, _TOP, width - _LEFT - _RIGHT, height - _TOP - _BOTTOM)
    painter.setPen(qt.QPen(qt.QColor(_TEXT)))
    for value in (axes.low, (axes.low + axes.high) / 2, axes.high):
        painter.drawText(4, int(axes.row(value, height)) + 4, f"{value:.3g}")
    for value in (axes.left, axes.right):
        text = f"{value:g}"
        painter.drawText(int(axes.column(value, width)) - 3 * len(text), height - 5, text)


def _line(painter: Any, axes: Axes, curve: Curve, color: str, width: int, height: int) -> None:
    pen = qt.QPen(qt.QColor(color))
    pen.setWidth(2)
    painter.setPen(pen)
    before = None
    for x, y in curve:
        if not (math.isfinite(x) and math.isfinite(y)):
            # A value that is none is a gap, not a line across it.
            before = None
            continue
        here = (int(axes.column(x, width)), int(axes.row(y, height)))
        if before is None:
            painter.drawEllipse(here[0] - 1, here[1] - 1, 2, 2)
        else:
            painter.drawLine(before[0], before[1], here[0], here[1])
        before = here


def _legend(painter: Any, title: str, curves: Mapping[str, Curve]) -> None:
    painter.setPen(qt.QPen(qt.QColor(_TEXT)))
    painter.drawText(4, _LINE, title)
    left = 14 + 7 * len(title)
    for color, name in zip(COLORS, curves):
        painter.fillRect(left, _LINE - 7, 12, 4, qt.QColor(color))
        painter.drawText(left + 16, _LINE, name)
        left += 28 + 7 * len(name)
