"""``crosslabel adapt``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crosslabel.cli.console import print_warning, stderr, stdout
from crosslabel.cli.options import DeviceOption, LabelsAs, LabelsAsOption, TaskArgument
from crosslabel.cli.progress import shown_progress, spoken_numbers
from crosslabel.cli.resources import model_store, task_named
from crosslabel.cli.stopping import resumable
from crosslabel.cli.train import with_epochs
from crosslabel.errors import CrossLabelError

if TYPE_CHECKING:
    from crosslabel.checkpoints import ModelStore, Version
    from crosslabel.tasks import TaskSpec
    from crosslabel.training.adaptation import AdaptationCases, AdaptationJob, ClassAdaptationJob, MethodComparison


def adapt(
    task: TaskArgument,
    source: Annotated[
        Path, typer.Option(help="Labelled data of the known modality: a folder as 'train' reads it, or a CSV or JSON list.")
    ],
    target: Annotated[Path, typer.Option(help="Images of the modality to learn; labels are not needed.")],
    out: Annotated[Path, typer.Option(help="Folder of the run: progress, report, and what is needed to resume.")],
    target_labels: Annotated[
        Path | None, typer.Option(help="Final labels of some target images, called like them; they teach too.")
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            help="A method of docs/adaptation.md, instead of the task's: full, gin, source_only, ... Several, as in full,gin, "
            "are all trained, and the best without labels is served."
        ),
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="Pretrained weights for a classifier: a file of torchvision's, or a checkpoint.")
    ] = None,
    labels_as: LabelsAsOption = LabelsAs.DATASET,
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs, instead of what the task says.")] = None,
    from_served: Annotated[
        bool, typer.Option("--from-served", help="Begin with what is served for the task, as after labels were added.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out, if it was stopped.")] = False,
    device: DeviceOption = "auto",
) -> None:
    """Learn an unlabelled modality, or the images of another centre, from a labelled one; serve the result from now on.

    Started by torchrun, several processes train together: the batches of a step (training.accumulate) are shared out.
    """
    from crosslabel.optimisation import processes
    from crosslabel.training import was_stopped
    from crosslabel.training.adaptation import with_method

    spec = with_epochs(task_named(task), epochs)
    methods = _methods(spec.adaptation.method if method is None else method)
    spec = with_method(spec, methods[0])
    store = model_store()
    with processes.process_group(device) as mine, shown_progress(spec) as show:
        with _said_once():
            start_from = _served(store, spec) if from_served else None
            settings = {"device": str(mine or device), "on_event": show, "start_from": start_from}
            cases = _cases(spec, source, target, target_labels, own_values=labels_as is LabelsAs.TASK)
            job = _job(spec, methods, cases, store, out, weights, settings)
            job.check()
        if processes.rank() == 0:
            counts = f"{len(cases.source)} labelled source cases, {len(cases.target)} target images"
            labelled = sum(case.label is not None for case in cases.target)
            stderr().print(f"{spec.title}: {counts}, {labelled} of them labelled", highlight=False)
            if labelled and not from_served and store.trained(spec) is not None:
                stderr().print("It begins with fresh weights; --from-served goes on from what is served, better with labels.")
            # Of several methods, those that are done stay so.
            if resume and not (out.is_dir() if len(methods) > 1 else was_stopped(out)):
                stderr().print("No run was stopped here, so the adaptation starts from the beginning.")
        with resumable():
            version = job.run(resume=resume)
    if version is not None:
        _say_what_came_of_it(store, spec, version, out, several=len(methods) > 1)


def _methods(chosen: str) -> list[str]:
    names = [name.strip() for name in chosen.split(",")]
    if not all(names) or len(set(names)) < len(names):
        raise CrossLabelError(f"--method '{chosen}' is no list of different methods; give one or several, as in full,gin.")
    return names


def _job(
    spec: TaskSpec,
    methods: list[str],
    cases: AdaptationCases,
    store: ModelStore,
    out: Path,
    weights: Path | None,
    settings: dict[str, Any],
) -> AdaptationJob | ClassAdaptationJob | MethodComparison:
    from crosslabel.training.adaptation import AdaptationJob, ClassAdaptationJob, MethodComparison

    if spec.kind == "classification":
        if len(methods) > 1:
            raise CrossLabelError(
                f"Without classes of target images the methods of {spec.name} cannot be compared; give one --method."
            )
        return ClassAdaptationJob(spec, cases, store, out, weights=weights, **settings)
    if weights is not None:
        raise CrossLabelError(f"{spec.name} is a segmentation; pretrained weights are for classification tasks.")
    if len(methods) == 1:
        return AdaptationJob(spec, cases, store, out, **settings)
    return MethodComparison(spec, methods, cases, store, out, **settings)


def _say_what_came_of_it(store: ModelStore, task: TaskSpec, version: Version, out: Path, *, several: bool) -> None:
    from crosslabel.training.adaptation import REPORT_FILE, useless

    record = store.record(version)
    reached = spoken_numbers(record["metrics"]) or "no metrics"
    stdout().print(f"{reached} on {record['metrics_on']}", soft_wrap=True, highlight=False)
    if warning := useless(record):
        print_warning(warning)
    run = out / record["method"]["name"] if several else out
    stdout().print(f"Its report is {run / REPORT_FILE}.", soft_wrap=True, highlight=False)
    served = store.current(task)
    if served == version:
        stdout().print(f"{version.name} is served from now on ({version.path}).", soft_wrap=True, highlight=False)
    elif served is not None:
        stdout().print(f"{served.name} stays served; {version.name} is kept ({version.path}).", soft_wrap=True, highlight=False)


def _served(store: ModelStore, task: TaskSpec) -> Version:
    version = store.trained(task)
    if version is None:
        raise CrossLabelError(f"No trained model of {task.name} is served yet; leave --from-served out.")
    return version


@contextmanager
def _said_once() -> Iterator[None]:
    """What is wrong alike for all processes is said by the first; torchrun would end it too if the others failed before."""
    from crosslabel.optimisation import processes

    try:
        yield
    except CrossLabelError:
        if processes.rank() > 0:
            raise typer.Exit from None
        raise


def _cases(task: TaskSpec, source: Path, target: Path, target_labels: Path | None, *, own_values: bool) -> AdaptationCases:
    from crosslabel.data import images_of_any_class, labelled_cases, unlabelled_cases, with_labels
    from crosslabel.optimisation import processes
    from crosslabel.training.adaptation import AdaptationCases

    if task.kind == "classification":
        if target_labels is not None:
            raise CrossLabelError(
                f"--target-labels is for segmentations. Adapt {task.name} first, then train with the classes of target images "
                "from the adapted weights (crosslabel train --weights)."
            )
        images = images_of_any_class(target, task)
    else:
        images = unlabelled_cases(target)
    if target_labels is not None:
        images, others = with_labels(images, target_labels, own_values=own_values)
        for label in others if processes.rank() == 0 else ():
            print_warning(f"the label {label.name} is called like no target image, so it does not teach")
    return AdaptationCases(labelled_cases(source, task, own_values=own_values), images)
