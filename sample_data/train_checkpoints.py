"""Train the demonstration checkpoints on generated images alone, with the project's own training loop.

Example:
    python sample_data/train_checkpoints.py abdomen_ct_mr

Writes ``checkpoints/TASK.pt`` and, beside it, ``TASK.json``: the record of data, settings, metrics and versions. Given again,
the command goes on where a run was stopped, and after a finished run it trains its result further.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console

from crosslabel.checkpoints import ModelStore, save_checkpoint
from crosslabel.data import labelled_cases
from crosslabel.files import write_json
from crosslabel.paths import tasks_dir
from crosslabel.tasks import TaskSpec, load_task
from crosslabel.training import ProgressEvent, TrainingJob
from phantoms import GENERATOR_VERSION
from phantoms.datasets import write_abdomens, write_heads, write_pictures

HERE = Path(__file__).parent
WORK = Path(tempfile.gettempdir(), "crosslabel-demonstrations")
console = Console()

# What each demonstration learns from: a writer of labelled data and the seeds it is given.
DATA: dict[str, tuple[Callable[..., None], range]] = {
    "abdomen_ct_mr": (write_abdomens, range(100, 140)),
    # The target sequence alone: on T1c the oedema, most of a whole tumour, hardly differs from the brain around it.
    "brain_tumour_t1c_flair": (partial(write_heads, sequences=("FLAIR",)), range(100, 160)),
    "brain_tumour_type": (write_pictures, range(100, 400)),
}


def main(
    names: Annotated[list[str] | None, typer.Argument(help="Tasks to train; all demonstrations if none is named.")] = None,
    work: Annotated[Path, typer.Option(help="Folder for generated data and the state to resume from.")] = WORK,
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 2,
    epochs: Annotated[int | None, typer.Option(help="Epochs, instead of what the task says.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="First learning rate, instead of what the task says.")] = None,
) -> None:
    """Train demonstration checkpoints."""
    torch.set_num_threads(threads)
    for name in names or DATA:
        task = load_task(tasks_dir() / f"{name}.yaml")
        asked = {"epochs": epochs, "learning_rate": learning_rate}
        changed = {name: value for name, value in asked.items() if value is not None}
        train(task.model_copy(update={"training": task.training.model_copy(update=changed)}), work / name)


def train(task: TaskSpec, work: Path) -> None:
    """Generate the data, train, and write checkpoint and record."""
    write, seeds = DATA[task.name]
    if not (work / "data").is_dir():
        draft = work / "data.draft"
        shutil.rmtree(draft, ignore_errors=True)
        write(draft, seeds)
        draft.rename(work / "data")
    store = ModelStore(work / "models")
    cases = labelled_cases(work / "data", task)
    job = TrainingJob(task, cases, store, work / "run", start_from=store.current(task), on_event=show)
    if job.run(resume=True) is not None:
        write_demonstration(task, store)


def write_demonstration(task: TaskSpec, store: ModelStore) -> None:
    """Write the newest version of a task as its demonstration checkpoint, with the record of all runs that led to it."""
    *earlier, version = store.versions(task)
    seeds = DATA[task.name][1]
    record = {
        "demonstration": True,
        "generator_version": GENERATOR_VERSION,
        "seeds": [seeds.start, seeds.stop - 1],
        "command": f"python sample_data/train_checkpoints.py {task.name}",
        **store.record(version),
        "earlier_runs": [_in_short(store.record(run)) for run in earlier],
    }
    # Half precision halves the file; the weights are read back as float32.
    halved = {name: value.half() if value.is_floating_point() else value for name, value in store.load(task).state.items()}
    save_checkpoint(HERE / "checkpoints" / f"{task.name}.pt", task, halved, record)
    write_json(HERE / "checkpoints" / f"{task.name}.json", record)
    console.print(f"{task.name}: {json.dumps(record['metrics'])}")


def _in_short(record: dict[str, Any]) -> dict[str, Any]:
    return {
        "training": record["task"]["training"],
        "cases": len(record["data"]["training"]),
        "metrics": record["metrics"],
        "seconds": record["seconds"],
    }


def show(event: ProgressEvent) -> None:
    """One line for each epoch."""
    left = "" if event.eta_seconds is None else f"  {event.eta_seconds / 60:.1f} min left"
    numbers = "  ".join(f"{name} {value:.3f}" for name, value in {**event.losses, **event.metrics}.items())
    console.print(f"{event.state.value} {event.epoch}/{event.epochs}  {numbers}{left}", highlight=False)


if __name__ == "__main__":
    typer.run(main)
