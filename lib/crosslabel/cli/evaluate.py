"""``crosslabel evaluate``."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crosslabel.cli.console import print_json, stderr, stdout
from crosslabel.cli.options import JsonOption, LabelsAs, LabelsAsOption, TaskArgument
from crosslabel.cli.resources import task_named

if TYPE_CHECKING:
    from rich.table import Table

    from crosslabel.evaluation import Evaluation
    from crosslabel.evaluation.evaluation import MeanSd


def evaluate(
    task: TaskArgument,
    predictions: Annotated[Path, typer.Option(help="Folder of predicted labels, called like their images.")],
    labels: Annotated[Path, typer.Option(help="Labelled data set, or a folder of reference labels with the same names.")],
    labels_as: LabelsAsOption = LabelsAs.DATASET,
    as_json: JsonOption = False,
) -> None:
    """Compare predicted labels with references: Dice, ASSD and HD95 (mm) of every label."""
    from crosslabel.evaluation import evaluate_folder

    evaluation = evaluate_folder(task_named(task), predictions, labels, own_values=labels_as is LabelsAs.TASK)
    if as_json:
        print_json(evaluation.as_json())
        return
    stdout().print(_summary_table(evaluation))
    stdout().print(_case_table(evaluation))
    if evaluation.missing:
        stderr().print(f"No prediction, so in no mean: {', '.join(evaluation.missing)}", style="yellow", highlight=False)
    if evaluation.without_reference:
        stderr().print(f"No reference: {', '.join(evaluation.without_reference)}", style="yellow", highlight=False)


def _summary_table(evaluation: Evaluation) -> Table:
    from rich.table import Table

    table = Table(title=f"{evaluation.task}: mean ± SD of {len(evaluation.cases)} cases")
    table.add_column("label")
    for heading in ("Dice", "ASSD (mm)", "HD95 (mm)"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("cases without distance")
    for name in evaluation.label_names:
        summary = evaluation.summary(name)
        scores = (_spoken(summary.dice, 3), _spoken(summary.assd_mm, 2), _spoken(summary.hd95_mm, 2))
        counts = {"missed": summary.missed, "invented": summary.invented, "absent": summary.absent}
        table.add_row(name, *scores, ", ".join(f"{count} {why}" for why, count in counts.items() if count))
    table.add_section()
    table.add_row("all labels", f"{evaluation.mean_dice:.3f}")
    return table


def _case_table(evaluation: Evaluation) -> Table:
    from rich.table import Table

    table = Table(title="Dice / ASSD (mm) / HD95 (mm)")
    table.add_column("case")
    for name in evaluation.label_names:
        table.add_column(name, justify="right")
    for case in evaluation.cases:
        scores = (case.labels[name] for name in evaluation.label_names)
        cells = (" / ".join((f"{s.dice:.3f}", _number(s.assd_mm, 2), _number(s.hd95_mm, 2))) for s in scores)
        table.add_row(case.id, *cells)
    return table


def _spoken(value: MeanSd, digits: int) -> str:
    return f"{_number(value.mean, digits)} ± {_number(value.sd, digits)}"


def _number(value: float, digits: int) -> str:
    return "–" if math.isnan(value) else f"{value:.{digits}f}"
