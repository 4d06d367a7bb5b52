"""``crosslabel train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crosslabel.cli.console import print_warning, stderr, stdout
from crosslabel.cli.options import DeviceOption, LabelsAs, LabelsAsOption, TaskArgument
from crosslabel.cli.progress import shown_progress, spoken_numbers
from crosslabel.cli.resources import model_store, task_named
from crosslabel.cli.stopping import resumable
from crosslabel.paths import models_dir

if TYPE_CHECKING:
    from crosslabel.tasks import TaskSpec


def train(
    task: TaskArgument,
    images: Annotated[
        Path,
        typer.Option(help="Labelled data: imagesTr/ and labelsTr/, images/ and labels/, a served folder, or class folders."),
    ],
    labels_as: LabelsAsOption = LabelsAs.DATASET,
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs, instead of what the task says.")] = None,
    weights: Annotated[
        Path | None,
        typer.Option(help="Pretrained weights for a classifier: a file of torchvision's, or a checkpoint."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the last run, if it was stopped.")] = False,
    device: DeviceOption = "auto",
) -> None:
    """Train a task's network and serve the result from now on, as a new version."""
    from crosslabel.data import labelled_cases, passed_over
    from crosslabel.training import TrainingJob, was_stopped
    from crosslabel.training.curves import write_curves

    spec = with_epochs(task_named(task), epochs)
    cases = labelled_cases(images, spec, own_values=labels_as is LabelsAs.TASK)
    stderr().print(f"{spec.title}: {len(cases)} labelled cases", highlight=False)
    for sentence in passed_over(images, spec):
        print_warning(sentence)
    if spec.slice_axis is None and any(case.slices for case in cases):
        print_warning("classes of slices are not learnt: the task's network does not see slices one by one")
    store, run_dir = model_store(), models_dir() / spec.name / "run"
    if resume and not was_stopped(run_dir):
        stderr().print("No run was stopped, so training starts from the beginning.")
    with shown_progress(spec) as show:
        job = TrainingJob(spec, cases, store, run_dir, device=device, weights=weights, on_event=show)
        with resumable():
            version = job.run(resume=resume)
    if version is not None:
        curves = run_dir / "curves.html"
        drawn = write_curves(run_dir, curves, f"{spec.title}: {version.name}")
        record = store.record(version)
        if record.get("never_shown"):
            print_warning(f"no training image shows {', '.join(record['never_shown'])}, so it is never answered; label some.")
        if warning := record.get("cut_search", {}).get("warning"):
            print_warning(warning)
        if notice := record.get("pretrained", {}).get("notice"):
            print_warning(notice)
        reached = spoken_numbers(record["metrics"]) or "no metrics"
        stdout().print(f"{reached} on {record['metrics_on']}", soft_wrap=True, highlight=False)
        if drawn:
            stdout().print(f"Its curves are {curves}.", soft_wrap=True, highlight=False)
        stdout().print(f"{version.name} is served from now on ({version.path}).", soft_wrap=True, highlight=False)


def with_epochs(task: TaskSpec, epochs: int | None) -> TaskSpec:
    """The task with another number of epochs, if one is given."""
    if epochs is None:
        return task
    return task.model_copy(update={"training": task.training.model_copy(update={"epochs": epochs})})
