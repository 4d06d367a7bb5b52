"""``crosslabel train``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crosslabel.cli.console import stderr, stdout
from crosslabel.cli.options import DeviceOption, LabelsAs, LabelsAsOption, TaskArgument
from crosslabel.cli.resources import model_store, task_named
from crosslabel.paths import models_dir

if TYPE_CHECKING:
    from crosslabel.tasks import TaskSpec
    from crosslabel.training import ProgressEvent


def train(
    task: TaskArgument,
    images: Annotated[
        Path,
        typer.Option(help="Labelled data: imagesTr/ and labelsTr/, images/ and labels/, a served folder, or class folders."),
    ],
    labels_as: LabelsAsOption = LabelsAs.DATASET,
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs, instead of what the task says.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the last run, if it was stopped.")] = False,
    device: DeviceOption = "auto",
) -> None:
    """Train a task's network and serve the result from now on, as a new version."""
    from crosslabel.data import labelled_cases
    from crosslabel.training import RESUME_FILE, TrainingJob

    spec = _with_epochs(task_named(task), epochs)
    cases = labelled_cases(images, spec, own_values=labels_as is LabelsAs.TASK)
    stderr().print(f"{spec.title}: {len(cases)} labelled cases", highlight=False)
    store, run_dir = model_store(), models_dir() / spec.name / "run"
    if resume and not (run_dir / RESUME_FILE).is_file():
        stderr().print("No run was stopped, so training starts from the beginning.")
    with _progress(spec) as show:
        job = TrainingJob(spec, cases, store, run_dir, device=device, on_event=show)
        try:
            version = job.run(resume=resume)
        except KeyboardInterrupt:
            stderr().print("Stopped; the same command with --resume goes on from the last whole epoch.")
            raise typer.Exit(130) from None
    if version is not None:
        record = store.record(version)
        reached = _numbers(record["metrics"]) or "no metrics"
        stdout().print(f"{reached} on {record['metrics_on']}", soft_wrap=True, highlight=False)
        stdout().print(f"{version.name} is served from now on ({version.path}).", soft_wrap=True, highlight=False)


def _with_epochs(task: TaskSpec, epochs: int | None) -> TaskSpec:
    if epochs is None:
        return task
    return task.model_copy(update={"training": task.training.model_copy(update={"epochs": epochs})})


@contextmanager
def _progress(task: TaskSpec) -> Iterator[Callable[[ProgressEvent], None]]:
    """A bar on a terminal; a line for each epoch where the output goes to a file, in which a bar cannot move."""
    if stderr().is_terminal:
        with _progress_bar(task) as show:
            yield show
    else:
        yield _print_line


def _print_line(event: ProgressEvent) -> None:
    parts = [
        f"{event.state.value} {event.epoch}/{event.epochs}",
        _numbers({**event.losses, **_best(event)}),
        _time_left(event.eta_seconds),
    ]
    stderr().print("  ".join(part for part in parts if part), soft_wrap=True, highlight=False)


@contextmanager
def _progress_bar(task: TaskSpec) -> Iterator[Callable[[ProgressEvent], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=16),
        MofNCompleteColumn(),
        TextColumn("{task.fields[left]}"),
        TextColumn("{task.fields[numbers]}"),
    )
    with Progress(*columns, console=stderr()) as progress:
        bar = progress.add_task("preparing", total=task.training.epochs, left="", numbers="")

        def show(event: ProgressEvent) -> None:
            progress.update(
                bar,
                description=event.state.value,
                completed=event.epoch,
                total=event.epochs,
                left=_time_left(event.eta_seconds),
                numbers=_numbers({**event.losses, **_best(event)}),
            )

        yield show


def _best(event: ProgressEvent) -> dict[str, float]:
    return {} if event.best_metric is None else {"best": event.best_metric}


def _time_left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d} left"


def _numbers(values: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:.3f}" for name, value in values.items())
