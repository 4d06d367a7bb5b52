"""Losses and metrics of a run over its epochs, as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from crosslabel.optimisation.progress import read_curves
from crosslabel.report import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_curves(run_dir: Path, path: Path, title: str) -> bool:
    """Write the curves of a run, as far as it has come, into one HTML file; whether there are any, as a classical head has not.

    Args:
        run_dir: folder of the run.
        path: file to write or replace.
        title: of the page.
    """
    found = read_curves(run_dir)
    if not any(found.values()):
        return False
    report = Report(title, "Losses on training data, metrics on what was held back")
    for name, curves in found.items():
        if curves:
            report.section(name.capitalize()).figure(_figure(curves), "by epoch")
    report.write(path)
    return True


def _figure(curves: Mapping[str, Sequence[Sequence[float]]]) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4), layout="constrained")
    FigureCanvasAgg(figure)
    panel = figure.subplots()
    for name, values in curves.items():
        panel.plot(*zip(*values, strict=True), marker=".", label=name)
    panel.set_xlabel("epoch")
    panel.grid(alpha=0.3)
    panel.legend(fontsize="small")
    return figure
