"""Simulated annotation for the tables of active learning."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from crosslabel.data import labelled_cases
from crosslabel.learning.curves import area
from crosslabel.learning.simulation import Replay, Simulation, split_test
from crosslabel.paths import tasks_dir
from crosslabel.tasks import TaskSpec, load_task

ALL_LABELS = "all labels of the pool"
# From 1: seed 0 chose the test images, and with it no label would ever be held back from training.
SEEDS = (1, 2, 3, 4)
COMPARED = ("random", "foreground_random", "entropy", "core_set", "default")


def task_with(name: str, training: dict[str, Any], active_learning: dict[str, Any], **others: Any) -> TaskSpec:
    """A shipped task with some other settings."""
    task = load_task(tasks_dir() / f"{name}.yaml").model_dump(mode="json", by_alias=True)
    task["training"] |= training
    task["active_learning"] |= active_learning
    return TaskSpec.model_validate({**task, **others})


def simulation(task: TaskSpec, data: Path, test_share: float) -> Simulation:
    """The pool and the test set of a labelled folder, the same for every strategy and seed."""
    if not data.is_dir():
        raise FileNotFoundError(f"{data} is not on this machine")
    pool, test = split_test(labelled_cases(data, task), test_share)
    return Simulation(task, pool, test, device="cpu", on_point=lambda *point: print(*point, flush=True))


def numbers(replay: Replay) -> dict[str, float]:
    """What a table shows of a replay: the metric at every budget, and the area under the curve."""
    values = {f"{point.labels} labels": point.height for point in replay.points}
    return {"area": area(replay), **values, "seconds": sum(point.seconds for point in replay.points)}


def metrics(budgets: Sequence[int], what: str) -> dict[str, str]:
    """Names and meanings of :func:`numbers`."""
    return {
        "area": f"area under the budget curve: {what}, averaged from {budgets[0]} to {budgets[-1]} labels",
        **{f"{budget} labels": f"{what} on the test images" for budget in budgets},
    }
