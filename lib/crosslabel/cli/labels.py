"""``crosslabel labels import`` and ``crosslabel labels export``: class labels in and out."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crosslabel.cli.console import stdout
from crosslabel.cli.options import TaskArgument
from crosslabel.cli.resources import task_named

if TYPE_CHECKING:
    from crosslabel.tasks import TaskSpec

label_commands = typer.Typer(help="Class labels in and out.", no_args_is_help=True, rich_markup_mode="rich")

StudiesOption = Annotated[Path, typer.Option(help="Folder of the images.")]


class Format(str, Enum):
    """How labels are written."""

    CSV = "csv"
    DICOM_SR = "dicom-sr"


@label_commands.command(
    "import", epilog="[bold]Example:[/bold] crosslabel labels import covid_ct --studies ./ct --source classes.csv --author anna"
)
def import_labels(
    task: TaskArgument,
    studies: StudiesOption,
    source: Annotated[Path, typer.Option(help="CSV file with the columns image and class, or class folders.")],
    author: Annotated[str, typer.Option(help="Who stands for the labels.")],
) -> None:
    """Save classes as final labels of images in a studies folder; all of them, or none."""
    from crosslabel.store import Store
    from crosslabel.store.class_labels import import_classes

    spec = _classification(task)
    with Store(studies) as store:
        store.scan()
        count = import_classes(store, spec, source, author)
    stdout().print(f"{count} labels of {spec.name} saved.", markup=False, highlight=False)


@label_commands.command(
    "export", epilog="[bold]Example:[/bold] crosslabel labels export covid_ct --studies ./ct --out classes.csv"
)
def export_labels(
    task: TaskArgument,
    studies: StudiesOption,
    out: Annotated[Path, typer.Option(help="CSV file to write, or folder for DICOM reports.")],
    format: Annotated[Format, typer.Option(help="A table, or a DICOM structured report for each label.")] = Format.CSV,
) -> None:
    """Write the current classes of all images with author, time and comment."""
    from crosslabel.store import Store
    from crosslabel.store.class_labels import export_csv
    from crosslabel.store.structured_report import export_reports

    spec = _classification(task)
    with Store(studies) as store:
        count = export_csv(store, spec, out) if format is Format.CSV else export_reports(store, spec, out)
    stdout().print(f"{count} labels of {spec.name} written to {out}.", markup=False, highlight=False, soft_wrap=True)


def _classification(task: str) -> TaskSpec:
    from crosslabel.errors import TaskError

    spec = task_named(task)
    if spec.kind != "classification":
        raise TaskError(f"{spec.name} is a segmentation; its labels are files in the studies folder. Give a classification.")
    return spec
