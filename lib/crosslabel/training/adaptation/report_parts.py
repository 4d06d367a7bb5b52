"""Sections that the reports of adaptations share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from crosslabel.adaptation.image_level import Picture
from crosslabel.report import Report, Section
from crosslabel.tasks import TaskSpec

_SHOWN_PICTURES = 60
_PICTURE_WIDTH = 130


def opened(task: TaskSpec, record: Mapping[str, Any]) -> Report:
    """The report of an adaptation, with nothing in it yet.

    Args:
        task: that was adapted.
        record: provenance of the version.
    """
    method = record["method"]
    return Report(f"{task.title}: adaptation", subtitle=f"{method['title']} ({method['name']}), seed {task.training.seed}")


def show_looks(section: Section, pictures: Sequence[Picture]) -> None:
    """What an image-level method makes of source images."""
    section.text("Each row is one source image: in styles of the target, or in draws of the randomisation.")
    groups: dict[str, list[Picture]] = defaultdict(list)
    for picture in pictures[:_SHOWN_PICTURES]:
        groups[picture.group].append(picture)
    for name, group in groups.items():
        section.gallery([(picture.pixels, picture.title) for picture in group], name, width=_PICTURE_WIDTH)


def show_training(
    report: Report,
    record: Mapping[str, Any],
    curves: Mapping[str, Mapping[str, Sequence[Sequence[float]]]],
    fitting: Mapping[str, Sequence[Sequence[float]]],
) -> None:
    """How the version came about, in sections at the end.

    Args:
        report: to add to.
        record: provenance of the version.
        curves: losses and metrics by epoch.
        fitting: losses of what the image-level method trained, by its own epochs; empty where it trains nothing.
    """
    _curves(report.section("Curves"), curves, record)
    if fitting:
        _fitting(report.section("Training of the image-level method"), fitting)
    _settings(report.section("Data, settings and versions"), record)


def _curves(section: Section, curves: Mapping[str, Mapping[str, Any]], record: Mapping[str, Any]) -> None:
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    shown = {name: values for name, values in curves["metrics"].items() if not name.startswith("kept ")}
    for axes, (title, lines) in zip(figure.subplots(1, 2), (("losses", curves["losses"]), ("metrics", shown)), strict=True):
        _plot(axes, title, lines)
        axes.axvline(record["epoch"], color="0.6", linestyle=":")
    section.figure(figure, caption=f"Dotted: the epoch that was kept, {record['epoch']}")


def _fitting(section: Section, losses: Mapping[str, Sequence[Sequence[float]]]) -> None:
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    _plot(figure.subplots(), "losses", losses)
    section.figure(figure, caption="Losses of the translator and of what it plays against")


def _plot(axes: Any, title: str, lines: Mapping[str, Any]) -> None:
    for name, pairs in lines.items():
        axes.plot(*zip(*pairs, strict=True), label=name, marker="." if len(pairs) < 10 else None)
    axes.set_title(title)
    axes.set_xlabel("epoch")
    if lines:
        axes.legend(fontsize=6)


def _settings(section: Section, record: Mapping[str, Any]) -> None:
    data = record["data"]
    counts = {name.replace("_", " "): len(ids) for name, ids in data.items() if name != "set_aside"}
    begun = {"began with": record["started_from"] or "fresh weights"}
    section.facts(
        {**counts, **begun, "seconds": record["seconds"], "device": record["device"], "processes": record["processes"]}
    )
    if data["set_aside"]:
        section.table(["set aside", "why"], [[id, reason] for id, reason in data["set_aside"].items()])
    section.facts({name: value for name, value in record["method"].items() if name not in ("name", "title")})
    section.facts({"training": record["task"]["training"], "adaptation": record["task"]["adaptation"]})
    section.facts({"network": record["task"]["network"], "code": record["code"], "libraries": record["libraries"]})
