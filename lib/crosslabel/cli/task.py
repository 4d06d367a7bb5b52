"""``crosslabel task new`` and ``crosslabel task check``."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crosslabel.cli.console import stderr, stdout
from crosslabel.cli.options import TaskArgument
from crosslabel.cli.resources import model_store, task_named
from crosslabel.paths import tasks_dir

if TYPE_CHECKING:
    from crosslabel.tasks import TaskSpec

task_commands = typer.Typer(help="Draft and check task files.", no_args_is_help=True, rich_markup_mode="rich")


@task_commands.command(epilog="[bold]Example:[/bold] crosslabel task new prostate --data ./Task05_Prostate --modality MR")
def new(
    name: Annotated[str, typer.Argument(help="Name of the task: lower case letters, digits and underscores.")],
    data: Annotated[Path, typer.Option(help="Labelled data that the task is for.")],
    out: Annotated[Path | None, typer.Option(help="File to write; NAME.yaml here if not given.")] = None,
    modality: Annotated[str | None, typer.Option(help="CT, MR, XR, ...: for images that do not say it.")] = None,
    sequence: Annotated[str | None, typer.Option(help="T1, T1c, T2, FLAIR: for MR images that do not say it.")] = None,
) -> None:
    """Draft a task file from a folder of labelled data."""
    from crosslabel.data import fingerprint_of
    from crosslabel.errors import TaskError
    from crosslabel.files import replacing
    from crosslabel.images import Modality
    from crosslabel.tasks import draft_task, load_task

    path = out or Path(f"{name}.yaml")
    if path.stem != name:
        raise TaskError(f"A task file is called like its task; give --out {path.with_name(f'{name}.yaml')}.")
    if path.exists():
        raise TaskError(f"{path} exists already; give another name or --out, or move it away.")
    with stderr().status(f"Reading {data}"):
        text = draft_task(name, fingerprint_of(data, modality and Modality.parse(modality), sequence))
    with tempfile.TemporaryDirectory() as scratch:
        draft = Path(scratch) / path.name
        draft.write_text(text, encoding="utf-8")
        load_task(draft)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    stdout().print(f"{path} is drafted. Read it, then:", markup=False, highlight=False, soft_wrap=True)
    stdout().print(f"  crosslabel task check {path}", markup=False, highlight=False, soft_wrap=True)
    stdout().print(f"  crosslabel train {path} --images {data}", markup=False, highlight=False, soft_wrap=True)
    stdout().print(f"To serve it, put it into {tasks_dir()}.", markup=False, highlight=False, soft_wrap=True)


@task_commands.command(epilog="[bold]Example:[/bold] crosslabel task check ./prostate.yaml")
def check(task: TaskArgument) -> None:
    """Check a task file: every field, whether its network can be built, and whether a classifier takes images of its patch."""
    spec = task_named(task)
    parameters = _parameter_count(spec)
    if spec.kind == "classification":
        from crosslabel.tasks.building import check_patch, network_of

        check_patch(network_of(spec), spec)
    version = model_store().current(spec)
    served = "no checkpoint yet" if version is None else version.name
    answers = ", ".join(spec.label_values) if spec.kind == "segmentation" else ", ".join(spec.classes)
    stdout().print(
        f"{spec.name} is a valid task: {spec.dimension}-D {spec.kind} of {answers}; "
        f"{spec.network.name} with {parameters / 1e6:.2f} million parameters; {served}.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _parameter_count(task: TaskSpec) -> int:
    import torch

    from crosslabel.tasks.building import network_of

    # The meta device builds a network of any size without memory for its weights.
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in network_of(task).parameters())
