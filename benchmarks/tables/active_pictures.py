"""The loop on a classification, against chance."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.learning import ALL_LABELS, COMPARED, SEEDS, metrics, numbers, simulation, task_with
from benchmarks.table import Cell, Table

_DATA = Path(os.environ.get("CROSSLABEL_PICTURES", Path(__file__).parents[3] / "shared" / "data" / "brain_tumour_mri"))
_BUDGETS = (20, 40, 60, 80)
_TEST_SHARE = 0.33
_FIRST, _ROUND, _ALL = 12, 6, 40
_SIZE = 64


def measure(cell: Cell) -> dict[str, float]:
    """One strategy's way through the budgets, or the same recipe with all labels."""
    epochs = _ALL if cell.row == ALL_LABELS else _FIRST
    training = {"epochs": epochs, "steps_per_epoch": 10, "validation_share": 0.05}
    task = task_with("brain_tumour_type", training, {"round_epochs": _ROUND}, patch=[_SIZE, _SIZE])
    simulated = simulation(task, _DATA, _TEST_SHARE)
    if cell.row == ALL_LABELS:
        return {"all labels": simulated.full(cell.seed)}
    return numbers(simulated.run(cell.row, cell.seed, _BUDGETS))


TABLE = Table(
    name="active_pictures",
    title="Balanced accuracy on photographs of four dishes by number of labelled pictures",
    rows=(*COMPARED, ALL_LABELS),
    columns=("268 pictures to choose from, 131 to test",),
    seeds=SEEDS,
    measure=measure,
    metrics={**metrics(_BUDGETS, "balanced accuracy"), "all labels": "the same recipe on the whole pool"},
    baseline="random",
    note="The folder is called brain_tumour_mri, and its classes glioma, meningioma, no tumour and pituitary, but its pictures "
    "are photographs of food (cookies, popcorn, doughnuts, pizza): a set of four classes, and nothing about tumours. It is not "
    "part of this project (CROSSLABEL_PICTURES names its folder). A small ResNet from scratch at 64 px. Every picture shows "
    "something, so foreground-aware random is chance with other draws.",
    across="metrics",
)
