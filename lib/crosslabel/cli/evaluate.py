"""``crosslabel evaluate``: predicted label maps against references, or a classifier on labelled images."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crosslabel.cli.console import print_json, stderr, stdout
from crosslabel.cli.evaluate_classes import evaluate_classifier
from crosslabel.cli.options import DeviceOption, LabelsAs, LabelsAsOption, TaskArgument
from crosslabel.cli.resources import task_named
from crosslabel.files import write_json

if TYPE_CHECKING:
    from rich.table import Table

    from crosslabel.evaluation import Evaluation
    from crosslabel.evaluation.evaluation import MeanSd
    from crosslabel.tasks import TaskSpec


def evaluate(
    task: TaskArgument,
    predictions: Annotated[
        Path | None, typer.Option(help="Segmentation: folder of predicted labels, called like their images.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="Segmentation: labelled data set, or a folder of reference labels with the same names.")
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="Classification: class folders or labels.csv, on which the checkpoint is tried.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Classification, of the checkpoint: HTML report with pictures to write.")
    ] = None,
    folds: Annotated[
        int | None, typer.Option(min=2, help="Classification: train and try so many times, each on another share, instead.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="With --folds: pretrained weights that each training starts from.")
    ] = None,
    labels_as: LabelsAsOption = LabelsAs.DATASET,
    device: DeviceOption = "auto",
    as_json: Annotated[
        bool, typer.Option("--json", help="JSON for a machine: printed, or into the FILE that follows.")
    ] = False,
    json_file: Annotated[Path | None, typer.Argument(hidden=True, metavar="FILE")] = None,
) -> None:
    """Segmentation: Dice, ASSD and HD95 (mm) of every label. Classification: accuracy, AUROC, calibration and more."""
    from crosslabel.errors import TaskError

    spec = task_named(task)
    if json_file is not None and not as_json:
        raise TaskError(f"'{json_file}' was not expected; write --json {json_file} for a file of numbers.")
    _refuse(spec, {"--predictions": predictions, "--labels": labels}, "segmentation")
    _refuse(spec, {"--images": images, "--report": report, "--folds": folds, "--weights": weights}, "classification")
    if spec.kind == "classification":
        if images is None:
            raise TaskError(f"{spec.name} is a classification; give labelled images to try it on with --images DIR.")
        for path in (report, json_file):
            if path is not None and path.is_dir():
                raise TaskError(f"{path} is a folder; give the name of the file to write.")
        if folds is not None and report is not None:
            raise TaskError("--report is of the served checkpoint and --folds trains others; leave one of them out.")
        if folds is None and weights is not None:
            raise TaskError("--weights is where the trainings of --folds start; give --folds too, or leave it out.")
        evaluate_classifier(spec, images, report, folds, weights, device, as_json, json_file)
        return
    if predictions is None or labels is None:
        raise TaskError(f"Give --predictions and --labels, two folders that {spec.name} is evaluated on.")
    _evaluate_segmentation(spec, predictions, labels, labels_as, as_json, json_file)


def _refuse(spec: TaskSpec, options: Mapping[str, object], kind: str) -> None:
    """Options that are for tasks of one kind are not passed over in silence by the other."""
    from crosslabel.errors import TaskError

    given = [name for name, value in options.items() if value is not None]
    if given and spec.kind != kind:
        raise TaskError(f"{given[0]} is for a {kind} and {spec.name} is a {spec.kind}; see 'crosslabel evaluate --help'.")


def _evaluate_segmentation(
    spec: TaskSpec, predictions: Path, labels: Path, labels_as: LabelsAs, as_json: bool, json_file: Path | None
) -> None:
    from crosslabel.evaluation import evaluate_folder

    evaluation = evaluate_folder(spec, predictions, labels, own_values=labels_as is LabelsAs.TASK)
    if json_file is not None:
        write_json(json_file, evaluation.as_json())
    elif as_json:
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
