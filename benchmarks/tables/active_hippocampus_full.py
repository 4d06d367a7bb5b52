"""The same with all strategies, more budgets and more seeds."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.learning import ALL_LABELS, metrics, numbers, simulation, task_with
from benchmarks.table import Cell
from benchmarks.tables import active_hippocampus as short
from crosslabel.active import STRATEGIES

_BUDGETS = (3, 5, 8, 10, 15, 20, 30, 40)


def measure(cell: Cell) -> dict[str, float]:
    """As in the short table; several looks for the strategies that need them."""
    task = task_with("hippocampus", {"epochs": 30, "validation_share": 0.1}, {"round_epochs": 10})
    simulated = simulation(task, short._DATA, short._TEST_SHARE)
    if cell.row == ALL_LABELS:
        return {"80 labels": simulated.full(cell.seed)}
    return numbers(simulated.run(cell.row, cell.seed, _BUDGETS))


TABLE = replace(
    short.TABLE,
    name="active_hippocampus_full",
    title="Mean Dice on the hippocampus by number of labelled volumes, all strategies",
    rows=(*STRATEGIES, ALL_LABELS),
    # From 1, as in the short table.
    seeds=tuple(range(1, 11)),
    measure=measure,
    metrics={**metrics(_BUDGETS, "mean Dice"), "80 labels": "the same recipe on the whole pool, 900 steps"},
    note="As active_hippocampus, with 900 steps for the first model and 300 for each round: about 25 minutes a cell on 2 cores "
    "(--minutes 60), for a machine with a GPU.",
)
