"""The report of an adaptation: what was done, and how far to trust it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from crosslabel.adaptation.image_level import Picture
from crosslabel.report import Outline, Section, outlined
from crosslabel.tasks import TaskSpec
from crosslabel.training.adaptation.examples import Example
from crosslabel.training.adaptation.report_parts import opened, show_looks, show_training

REPORT_FILE = "report.html"
_EXAMPLE_WIDTH = 225


def write_report(
    path: Path,
    task: TaskSpec,
    record: Mapping[str, Any],
    curves: Mapping[str, Mapping[str, Sequence[Sequence[float]]]],
    fitting: Mapping[str, Sequence[Sequence[float]]],
    examples: Sequence[Example],
    pictures: Sequence[Picture],
) -> None:
    """Write one self-contained HTML file.

    Args:
        path: to write or replace.
        task: that was adapted.
        record: provenance of the version.
        curves: losses and metrics by epoch.
        fitting: losses of what the image-level method trained, by its own epochs; empty where it trains nothing.
        examples: target images with what is predicted.
        pictures: what the image-level method makes of source images; at least one.
    """
    report = opened(task, record)
    _trust(report.section("How far to trust it"), record, examples)
    _by_label(report.section("By label"), task, examples)
    _examples(report.section("Examples"), task, examples)
    show_looks(report.section("What is made of source images"), pictures)
    if record["pseudo_labels"]:
        images = len(record["data"]["target"])
        _pseudo_labels(report.section("Pseudo-labels"), task, record["pseudo_labels"], images)
    elif record["method"]["self_training"]:
        report.section("Pseudo-labels").text(
            f"None were made: there are fewer than {task.adaptation.least_images} target images (adaptation.least_images), or "
            "all of them are labelled."
        )
    show_training(report, record, curves, fitting)
    report.write(path)


def useless(record: Mapping[str, Any]) -> str:
    """A warning where an adaptation came to nothing by its own criterion; empty elsewhere."""
    if record.get("metric") != "consistency" or record["metrics"].get("consistency", 0.0) > 0:
        return ""
    return (
        "No structure was found with a plausible volume and alike in several views of the target images, so what it predicts "
        "is hardly of use. Look at the examples in the report; train longer, take another method, or label some images."
    )


def _trust(section: Section, record: Mapping[str, Any], examples: Sequence[Example]) -> None:
    section.text(
        "Research software: nothing here is a diagnosis, and no number here replaces labels of the target modality. Correct "
        "some of the predicted labels, save them as final and adapt again: they then teach, and from five patients on some are "
        "held back and measured with."
    )
    if record["kept_epoch"] == "last":
        section.text(
            "The last epoch was kept, as in ordinary training: labelled target images teach most of what is learnt. The "
            f"metrics are on {record['metrics_on']}."
        )
    else:
        section.text(f"The epoch was chosen on {record['metrics_on']}.")
    if warning := useless(record):
        section.text(warning)
    section.facts({name: round(value, 3) for name, value in record["metrics"].items()})
    never = [name for name in (examples[0].volumes if examples else {}) if not any(one.volumes[name] for one in examples)]
    if never:
        section.text(
            f"Found in none of the target images: {', '.join(never)}. Do they show the same part of the body as the source?"
        )


def _by_label(section: Section, task: TaskSpec, examples: Sequence[Example]) -> None:
    section.text(
        "Quality is the agreement of the predictions for several views of an image (mean Dice over pairs); it needs no label "
        "and tends to be higher than the true Dice. Dice is against final labels, where target images have one; of those that "
        "taught it says how well they were learnt, not how well others are segmented."
    )
    names = task.output_names[1:]
    rows = []
    for name in names:
        quality = [one.quality[name] for one in examples if one.quality[name] is not None]
        held, taught = ([one.dice[name] for one in examples if one.dice and one.taught is kind] for kind in (False, True))
        volumes = [one.volumes[name] for one in examples]
        rows.append([name, *(float(np.mean(values)) if values else None for values in (quality, held, taught, volumes))])
    labelled = [one.taught for one in examples if one.dice]
    dice = (f"Dice, {labelled.count(False)} held back", f"Dice, {labelled.count(True)} that taught")
    section.table(["label", "quality", *dice, "volume (mL)"], rows, caption=f"Means over {len(examples)} target images")
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    for axes, title, values in zip(
        figure.subplots(1, 2),
        ("quality", "volume (mL)"),
        (
            [[one.quality[name] for one in examples if one.quality[name] is not None] for name in names],
            [[one.volumes[name] for one in examples] for name in names],
        ),
        strict=True,
    ):
        axes.boxplot(values)
        axes.set_xticks(range(1, len(names) + 1), names, rotation=20, ha="right")
        axes.set_title(title)
    section.figure(figure, caption="Spread over target images")


def _examples(section: Section, task: TaskSpec, examples: Sequence[Example]) -> None:
    section.text("Lines: predicted labels in their colours; dashed white: final labels, where there are any.")
    pictures = [(outlined(example.grey, _outlines(task, example)), example.id) for example in examples]
    section.gallery(pictures, "Slices of target images with most labelled voxels", width=_EXAMPLE_WIDTH)


def _outlines(task: TaskSpec, example: Example) -> list[Outline]:
    values = range(1, len(task.labels) + 1)
    found = [Outline(example.label == value, task.labels[value - 1].color) for value in values]
    if example.truth is not None:
        found += [Outline(example.truth == value, "#ffffff", dashed=True) for value in values]
    return found


def _pseudo_labels(section: Section, task: TaskSpec, rounds: Sequence[Mapping[str, Any]], images: int) -> None:
    section.text(
        "The share of the predicted voxels of each label that was believed, so that they taught: confident, the same in most "
        "views, in one piece where the task says so, and of a plausible volume in the image."
    )
    names = task.output_names[1:]
    headers = ["round", *(f"{name}: {what}" for name in names for what in ("kept", "implausible"))]
    rows = []
    for said in rounds:
        row = [said["round"] + 1]
        for name in names:
            of_label = said["labels"][name]
            row += [of_label["share_kept"], f"{of_label['implausible_in']} of {images}"]
        rows.append(row)
    section.table(headers, rows)
