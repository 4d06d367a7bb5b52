"""How many labelled volumes the loop needs on the hippocampus, by strategy."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.learning import ALL_LABELS, COMPARED, SEEDS, metrics, numbers, simulation, task_with
from benchmarks.table import Cell, Table

_DATA = Path(os.environ.get("CROSSLABEL_HIPPOCAMPUS", Path(__file__).parents[3] / "shared" / "data" / "hippocampus"))
BUDGETS = (5, 10, 15, 20)
_TEST_SHARE = 1 / 3
# 300 steps for the first model and 150 for each round; with all labels at once 900, after which nothing is gained.
_FIRST, _ROUND, _ALL = 10, 5, 30


def measure(cell: Cell) -> dict[str, float]:
    """One strategy's way through the budgets, or the same recipe with all labels."""
    epochs = _ALL if cell.row == ALL_LABELS else _FIRST
    task = task_with("hippocampus", {"epochs": epochs, "validation_share": 0.1}, {"round_epochs": _ROUND})
    simulated = simulation(task, _DATA, _TEST_SHARE)
    if cell.row == ALL_LABELS:
        return {"80 labels": simulated.full(cell.seed)}
    return numbers(simulated.run(cell.row, cell.seed, BUDGETS))


TABLE = Table(
    name="active_hippocampus",
    title="Mean Dice on the hippocampus by number of labelled volumes",
    rows=(*COMPARED, ALL_LABELS),
    columns=("80 volumes to choose from, 40 to test",),
    seeds=SEEDS,
    measure=measure,
    metrics={**metrics(BUDGETS, "mean Dice"), "80 labels": "the same recipe on the whole pool, 900 steps"},
    baseline="foreground_random",
    note="Task04 of the Medical Segmentation Decathlon, in part; it is not part of this project (CROSSLABEL_HIPPOCAMPUS names "
    "its folder). The split is fixed. Every cell is 'crosslabel simulate': no model and no label at first, 300 steps for the "
    "first five labels, then 150 for each round, which goes on from the served model. Every volume shows the hippocampus, so "
    "foreground-aware random is chance with other draws. Goals: 97 % of the Dice with 80 labels at 20 or fewer, that Dice .84 "
    "or more, and the default strategy above foreground-aware random.",
    across="metrics",
)
