"""The commands, put together.

Command modules import torch and the rest inside their functions: ``crosslabel --help`` answers at once.
"""

from __future__ import annotations

from typing import Annotated

import typer

import crosslabel
from crosslabel.cli.adapt import adapt
from crosslabel.cli.backup import backup, restore
from crosslabel.cli.doctor import doctor
from crosslabel.cli.evaluate import evaluate
from crosslabel.cli.explain import explain
from crosslabel.cli.export import export
from crosslabel.cli.failures import OneLineFailures
from crosslabel.cli.labels import label_commands
from crosslabel.cli.predict import predict
from crosslabel.cli.serve import serve
from crosslabel.cli.simulate import simulate
from crosslabel.cli.task import task_commands
from crosslabel.cli.token import token_commands
from crosslabel.cli.train import train

app = typer.Typer(
    name="crosslabel",
    cls=OneLineFailures,
    help="Annotate, train and predict on medical images, also in modalities without labels. "
    "Research software, not a medical device.",
    epilog="[bold]Example:[/bold] crosslabel serve --studies ./studies",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"crosslabel {crosslabel.__version__}")
        raise typer.Exit


@app.callback()
def common_options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", envvar="CROSSLABEL_DEBUG", help="Show the full trace of an error.")] = False,
) -> None:
    """Options that come before the command; ``debug`` is read by :class:`OneLineFailures`."""


def _example(*commands: str) -> str:
    # A line of its own needs an empty one before it.
    return "\n\n".join(f"[bold]Example:[/bold] crosslabel {command}" for command in commands)


app.command(epilog=_example("serve --studies ./studies --port 8000"))(serve)
app.command(
    epilog=_example(
        "train hippocampus --images ./Task04_Hippocampus --epochs 30",
        "train covid_ct --images ./classes --weights resnet18.pth",
    )
)(train)
app.command(
    epilog=_example("simulate hippocampus --images ./imagesTr --labels ./labelsTr --strategy default,random --report sim.html")
)(simulate)
app.command(
    epilog=_example(
        "adapt abdomen_ct_mr --source ./ct_labelled --target ./mr --out ./run",
        "adapt abdomen_ct_mr --source ./ct_labelled --target ./mr --out ./run --resume",
        "adapt abdomen_ct_mr --source ./ct --target ./mr --out ./several --method full,gin,translation_full",
        "adapt abdomen_ct_mr --source ./ct --target ./mr --target-labels ./mr/labels/final --out ./again --from-served",
    )
)(adapt)
app.command(epilog=_example("predict abdomen_ct_mr --images scan.nii.gz dicom_folder/ --out ./predictions"))(predict)
app.command(epilog=_example("evaluate hippocampus --predictions ./predictions --labels ./Task04_Hippocampus"))(evaluate)
app.command(epilog=_example("explain covid_ct --images slice.png --out ./heatmaps"))(explain)
app.command(epilog=_example("export covid_ct --out covid_ct.pt"))(export)
app.add_typer(task_commands, name="task")
app.add_typer(label_commands, name="labels")
app.add_typer(token_commands, name="token")
app.command(epilog=_example("backup labels-monday.zip --studies ./studies"))(backup)
app.command(epilog=_example("restore labels-monday.zip --studies ./studies"))(restore)
app.command(epilog=_example("doctor --json"))(doctor)
