"""The report of a classifier's adaptation: what was done, and how far to trust it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from crosslabel.adaptation.image_level import Picture
from crosslabel.tasks import TaskSpec
from crosslabel.training.adaptation.report_parts import opened, show_looks, show_training

_WIDTH = 180


def write_class_report(
    path: Path,
    task: TaskSpec,
    record: Mapping[str, Any],
    curves: Mapping[str, Mapping[str, Sequence[Sequence[float]]]],
    fitting: Mapping[str, Sequence[Sequence[float]]],
    examples: Sequence[tuple[np.ndarray, str]],
    pictures: Sequence[Picture],
) -> None:
    """Write one self-contained HTML file.

    Args:
        path: to write or replace.
        task: that was adapted.
        record: provenance of the version.
        curves: losses and metrics by epoch.
        fitting: losses of what the image-level method trained, by its own epochs; empty where it trains nothing.
        examples: target images with what is answered for them.
        pictures: what the image-level method makes of source images; at least one.
    """
    report = opened(task, record)
    section = report.section("How far to trust it")
    section.text(
        "Research software: nothing here is a diagnosis. The numbers are of source images; no class of a target image was "
        "looked at, so that nothing here says how often the answers on them are right. Label some tens of them and evaluate."
    )
    section.text(f"The epoch was chosen on {record['metrics_on']}.")
    section.facts({name: round(value, 3) for name, value in record["metrics"].items()})
    section = report.section("Answers on target images")
    section.text("Where one class has nearly all answers and should not, the adaptation has failed.")
    section.table(["class", "share of the target images"], [[name, share] for name, share in record["target_answers"].items()])
    section.gallery(examples, "Target images, evenly spread, with the answer and its probability before calibration", _WIDTH)
    show_looks(report.section("What is made of source images"), pictures)
    show_training(report, record, curves, fitting)
    report.write(path)
