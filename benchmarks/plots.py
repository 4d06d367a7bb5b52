"""A table as a picture: points side by side, or curves where names hold the number that something depends on."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.table import Cell, Table, values_of

Found = dict[Cell, dict[str, Any]]
_PANELS_IN_A_ROW = 3


def plot(table: Table, found: Found, path: Path) -> None:
    """Draw what was found; a panel without any value is left out."""
    curves = _curves(table, found) if table.across else {}
    panels = curves or {metric: lambda panel, metric=metric: _points(panel, table, found, metric) for metric in table.metrics}
    shown = {title: draw for title, draw in panels.items() if _has_values(table, found, title)} or panels
    rows = -(-len(shown) // _PANELS_IN_A_ROW)
    across = min(len(shown), _PANELS_IN_A_ROW)
    figure = Figure(figsize=(max(6, 4.6 * across), 1.2 + 3.8 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, across, squeeze=False).ravel()
    for panel, (title, draw) in zip(axes, shown.items(), strict=False):
        draw(panel)
        panel.set_title(title, fontsize="medium")
        panel.grid(axis="y", alpha=0.3)
    for panel in axes[len(shown) :]:
        panel.set_visible(False)
    figure.legend(*axes[0].get_legend_handles_labels(), fontsize="small", loc="outside lower center", ncols=min(3, across + 1))
    figure.suptitle(table.title)
    figure.savefig(path, dpi=110)


def _points(panel: Axes, table: Table, found: Found, metric: str) -> None:
    """One dot for each seed; columns side by side, and in each the rows."""
    for offset, row in enumerate(table.rows):
        for place, column in enumerate(table.columns):
            values = values_of(found, row, column, metric)
            across = place + (offset - (len(table.rows) - 1) / 2) * 0.8 / len(table.rows)
            panel.scatter([across] * len(values), values, color=f"C{offset % 10}", s=18, label=row if place == 0 else None)
    panel.set_xticks(range(len(table.columns)), table.columns, rotation=20, ha="right", fontsize="small")


def _curves(table: Table, found: Found) -> dict[str, Callable[[Axes], None]]:
    """Panels by title."""

    def panel_of(lines: Sequence[str], points: Sequence[str], values: Callable[[str, str], list[float]]) -> Callable:
        return lambda panel: _lines(panel, lines, points, values)

    numbered = [metric for metric in table.metrics if _number(metric) is not None]
    if table.across == "metrics":
        return {
            column: panel_of(table.rows, numbered, lambda row, metric, column=column: values_of(found, row, column, metric))
            for column in table.columns
        }
    if table.across == "rows":
        return {
            metric: panel_of(
                table.columns, table.rows, lambda column, row, metric=metric: values_of(found, row, column, metric)
            )
            for metric in table.metrics
        }
    return {
        metric: panel_of(table.rows, table.columns, lambda row, column, metric=metric: values_of(found, row, column, metric))
        for metric in table.metrics
    }


def _lines(panel: Axes, lines: Sequence[str], points: Sequence[str], values: Callable[[str, str], list[float]]) -> None:
    """Means with their standard deviations; a line that has one point is a mark."""
    for number, line in enumerate(lines):
        measured = [(float(_number(point) or 0), values(line, point)) for point in points]
        measured = sorted((across, found) for across, found in measured if found)
        means = [fmean(found) for _, found in measured]
        spread = [stdev(found) if len(found) > 1 else 0.0 for _, found in measured]
        across = [place for place, _ in measured]
        panel.errorbar(across, means, spread, color=f"C{number % 10}", marker="o", markersize=4, capsize=3, label=line)


def _number(name: str) -> int | None:
    found = re.search(r"\d+", name)
    return int(found.group()) if found else None


def _has_values(table: Table, found: Found, title: str) -> bool:
    return any(title == cell.column or title in result["metrics"] for cell, result in found.items())
