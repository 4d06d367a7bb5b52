"""The report of a simulation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from crosslabel.active import STRATEGIES
from crosslabel.learning.curves import area, compare
from crosslabel.learning.simulation import Replay, Simulation
from crosslabel.report import Report


def write_report(path: Path, simulation: Simulation, replays: Sequence[Replay], full: Mapping[int, float]) -> None:
    """Write budget curves, areas, pairwise tests and the picked cases as one HTML file.

    Args:
        path: the file.
        simulation: what was replayed.
        replays: at least one.
        full: by seed, what the same recipe reaches with the whole pool; may be empty.
    """
    task, metric = simulation.task, replays[0].metric
    sizes = f"{len(simulation.pool)} images to choose from, {len(simulation.test)} to test"
    report = Report(f"Choosing what to annotate: {task.title}", subtitle=sizes)
    section = report.section("Budget curves")
    section.text(
        "Every strategy starts without a model and a label; known labels stand in for the clinician. After each budget the "
        "model learns and is measured on the test images, which are the same for all. Lines are means over the seeds, bands "
        "one standard deviation. The research question is which strategy is higher, not how high a clinical system would be."
    )
    section.figure(_figure(replays, full, metric), caption=f"{metric} on the test images by number of labels")
    _areas(report, replays, full)
    _pairs(report, replays)
    _picked(report, replays)
    if simulation.aside:
        report.section("Set aside").table(["case", "why it cannot be used"], list(simulation.aside.items()))
    settings = {"training": task.training.model_dump(), "active learning": task.active_learning.model_dump()}
    report.section("Settings").facts({"task": task.name, "network": task.network.name, **settings})
    report.write(path)


def _figure(replays: Sequence[Replay], full: Mapping[int, float], metric: str) -> Figure:
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for number, name in enumerate(_names(replays)):
        mine = [replay for replay in replays if replay.strategy == name]
        labels = [point.labels for point in mine[0].points]
        values = np.array([[point.height for point in replay.points] for replay in mine])
        mean, spread = values.mean(axis=0), values.std(axis=0)
        axes.plot(labels, mean, marker="o", color=f"C{number % 10}", label=_title(name))
        axes.fill_between(labels, mean - spread, mean + spread, color=f"C{number % 10}", alpha=0.15)
    if full:
        axes.axhline(float(np.mean(list(full.values()))), color="grey", linestyle="--", label="all labels of the pool")
    axes.set_xlabel("labelled images")
    axes.set_ylabel(metric)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    return figure


def _areas(report: Report, replays: Sequence[Replay], full: Mapping[int, float]) -> None:
    rows = []
    for name in _names(replays):
        mine = [replay for replay in replays if replay.strategy == name]
        areas = [area(replay) for replay in mine]
        last = [replay.points[-1].height for replay in mine]
        share = float(np.mean(last)) / float(np.mean(list(full.values()))) if full else None
        spread = float(np.std(areas)) if len(mine) > 1 else None
        rows.append([_title(name), float(np.mean(areas)), spread, float(np.mean(last)), share, len(mine)])
    rows.sort(key=lambda row: -row[1])
    headers = ["strategy", "area under the curve", "standard deviation", "with the last budget", "share of all labels", "seeds"]
    section = report.section("Areas under the budget curves")
    section.table(headers, rows, caption="The area is the mean of the metric over the budgets, 0 without a model.")
    if full:
        section.text(f"With all labels of the pool: {np.mean(list(full.values())):.3f} (mean of {len(full)} seeds).")


def _pairs(report: Report, replays: Sequence[Replay]) -> None:
    found = compare(replays)
    if not found:
        return
    rows = [[_title(c.first), _title(c.second), c.difference, c.low, c.high, c.p, c.seeds] for c in found]
    headers = ["strategy", "against", "difference", "from", "to", "p", "seeds"]
    report.section("Pairwise tests").table(
        headers,
        rows,
        caption="Differences of the areas, paired by seed: 95 % interval and paired t test, p corrected by Holm's method. "
        "With few seeds only large differences can be told from chance.",
    )


def _picked(report: Report, replays: Sequence[Replay]) -> None:
    rows = [
        [
            _title(replay.strategy),
            replay.seed,
            point.labels,
            point.value,
            "yes" if point.promoted else f"no: {point.obstacle}" if point.obstacle else "no",
            ", ".join(point.picked),
        ]
        for replay in replays
        for point in replay.points
    ]
    headers = ["strategy", "seed", "labels", "value", "new model served", "picked"]
    report.section("Cases picked").table(headers, rows, caption="In the order in which they were handed out.")


def _names(replays: Sequence[Replay]) -> list[str]:
    return list(dict.fromkeys(replay.strategy for replay in replays))


def _title(name: str) -> str:
    return STRATEGIES[name].title if name in STRATEGIES else name
