"""What each cut of a backbone reaches and costs, as a page with a table and plots."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from crosslabel.report import Report
from crosslabel.transfer.truncation import CutResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_cut_report(
    path: Path, architecture: str, metric: str, results: Sequence[CutResult], chosen: str, warning: str = ""
) -> None:
    """Write one HTML file.

    Args:
        path: file to write or replace.
        architecture: of the backbone.
        metric: name of what is compared on held-back images.
        results: of all candidates, in order of depth.
        chosen: the cut that won.
        warning: what speaks against the choice.
    """
    report = Report(f"Where to cut {architecture}", f"After {chosen}, chosen on held-back images by {metric}")
    section = report.section("Candidates")
    if warning:
        section.text(warning)
    rows = [
        [
            result.cut + (" (chosen)" if result.cut == chosen else ""),
            result.metric,
            result.standard_error,
            result.parameters / 1e6,
            result.macs / 1e9,
            result.latency_ms,
        ]
        for result in results
    ]
    headers = ["cut after", metric, "standard error", "million parameters", "GMACs", "ms"]
    section.table(headers, rows, "Parameters of the backbone without head; operations and time of one image")
    section.figure(_figure(metric, results, chosen), "The chosen cut is marked")
    report.write(path)


def _figure(metric: str, results: Sequence[CutResult], chosen: str) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = [result.cut for result in results]
    series = {
        metric: [result.metric for result in results],
        "million parameters": [result.parameters / 1e6 for result in results],
        "GMACs": [result.macs / 1e9 for result in results],
        "ms for one image": [result.latency_ms for result in results],
    }
    figure = Figure(figsize=(9, 6), layout="constrained")
    FigureCanvasAgg(figure)
    for panel, (title, values) in zip(figure.subplots(2, 2).flat, series.items(), strict=True):
        errors = [result.standard_error for result in results] if title == metric else None
        panel.errorbar(range(len(names)), values, errors, marker="o")
        panel.plot(names.index(chosen), values[names.index(chosen)], marker="o", markersize=13, fillstyle="none", color="C3")
        panel.set_xticks(range(len(names)), names, rotation=45, ha="right", fontsize="small")
        panel.set_title(title)
    return figure
