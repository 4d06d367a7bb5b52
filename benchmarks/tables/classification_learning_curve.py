"""What a source domain is worth where labels are few."""

from __future__ import annotations

from benchmarks.classes import PICTURES, SAO_PAULO, UCSD, few, score, source_checkpoint, split, task_for
from benchmarks.table import Cell, Table

_NETWORK = "torchvision.resnet18"
_SOURCES = {"from scratch": None, "from pictures of food": PICTURES, "from the other centre (UCSD)": UCSD}
_COUNTS = (10, 20, 50)


def measure(cell: Cell) -> dict[str, float]:
    """Train on a few slices of each class of Sao Paulo and test on a fold that nothing was drawn from."""
    count = int(cell.column.split()[0])
    pool, test = split(SAO_PAULO, cell.seed)
    source = _SOURCES[cell.row]
    weights = None if source is None else source_checkpoint(source, _NETWORK)
    task = task_for(SAO_PAULO, _NETWORK, {"name": "full"}, cell.seed, epochs=4)
    return score(cell, task, few(pool, count, cell.seed), test, weights)


TABLE = Table(
    name="classification_learning_curve",
    title="COVID-19 on CT slices of Sao Paulo: labels per class, with and without a source domain",
    rows=tuple(_SOURCES),
    columns=tuple(f"{count} labels per class" for count in _COUNTS),
    seeds=(0, 1, 2),
    measure=measure,
    metrics={"balanced accuracy": "on a fold of about 73 slices", "AUROC": "", "ECE": "expected calibration error"},
    note="ResNet-18 at 128 px, all layers trained for 4 epochs of 15 steps of 16 images; seeds choose the labels, the fold "
    "and the order. The sources are trained once (seed 0). Goal: a source domain beats scratch at 10, 20 and 50 "
    "labels per class.",
    across="columns",
)
