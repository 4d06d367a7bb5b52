"""Losses and metrics of a run over its epochs, as a page."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crosslabel.optimisation.progress import read_history
from crosslabel.report import Report
from crosslabel.training.cut_search import SEARCHING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Curves = dict[str, dict[int, float]]


def write_curves(run_dir: Path, path: Path, title: str) -> bool:
    """Write the curves of a run, as far as it has come, into one HTML file; whether there are any, as a classical head has not.

    Args:
        run_dir: folder of the run.
        path: file to write or replace.
        title: of the page.
    """
    losses, metrics = _curves(read_history(run_dir))
    if not losses and not metrics:
        return False
    report = Report(title, "Losses on training data, metrics on what was held back")
    for name, curves in (("Losses", losses), ("Metrics", metrics)):
        if curves:
            report.section(name).figure(_figure(curves), "by epoch")
    report.write(path)
    return True


def _curves(events: list[dict[str, Any]]) -> tuple[Curves, Curves]:
    """Values by name and epoch of the last run, with what it was resumed from; the candidates of a search are left out."""
    losses: Curves = defaultdict(dict)
    metrics: Curves = defaultdict(dict)
    for event in events:
        if event["message"].startswith(SEARCHING):
            continue
        if event["epoch"] == 0:
            losses.clear()
            metrics.clear()
        for name, value in event["losses"].items():
            losses[name][event["epoch"]] = value
        for name, value in event["metrics"].items():
            metrics[name][event["epoch"]] = value
    return losses, metrics


def _figure(curves: Curves) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4), layout="constrained")
    FigureCanvasAgg(figure)
    panel = figure.subplots()
    for name, values in curves.items():
        panel.plot(list(values), list(values.values()), marker=".", label=name)
    panel.set_xlabel("epoch")
    panel.grid(alpha=0.3)
    panel.legend(fontsize="small")
    return figure
