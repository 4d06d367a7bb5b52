"""What scoring a pool costs beside the bare network."""

from __future__ import annotations

import os
import time
from pathlib import Path

import torch

from benchmarks.learning import task_with
from benchmarks.table import Cell, Table
from crosslabel.active import PoolImage, PoolScorer
from crosslabel.data import labelled_cases
from crosslabel.images import read_image
from crosslabel.inference import SlidingWindow
from crosslabel.preparation import Preparation
from crosslabel.tasks.building import network_of

_DATA = Path(os.environ.get("CROSSLABEL_HIPPOCAMPUS", Path(__file__).parents[3] / "shared" / "data" / "hippocampus"))
_LOOKS = 4
_ROWS = {"one look": (1, ()), "one look and four with dropout": (1 + _LOOKS, ("bald",))}


def measure(cell: Cell) -> dict[str, float]:
    """Seconds of the scorer, from files to scores, and of the bare network's looks at the prepared volumes."""
    if not _DATA.is_dir():
        raise FileNotFoundError(f"{_DATA} is not on this machine")
    torch.set_num_threads(1)
    looks, wanted = _ROWS[cell.row]
    task = task_with("hippocampus", {"seed": cell.seed}, {})
    torch.manual_seed(cell.seed)
    network = network_of(task).eval()
    cases = labelled_cases(_DATA, task)[:60]
    preparation, window = Preparation(task), SlidingWindow(task.patch, batch_size=8)
    tensors = [preparation.forward(read_image(case.image)).tensor for case in cases]
    window(network, tensors[0])
    # In turns, so that what else the machine does burdens both.
    scorer = PoolScorer(task, network, wanted=wanted, looks=_LOOKS)
    bare = whole = 0.0
    for case, tensor in zip(cases, tensors, strict=True):
        started = time.process_time()
        for _ in range(looks):
            window(network, tensor)
        between = time.process_time()
        scores = next(iter(scorer.scan([PoolImage(case.id, case.image)])))
        whole += time.process_time() - between
        bare += between - started
        if scores.problem:
            raise RuntimeError(scores.problem)
    return {"ratio": whole / bare, "bare network": bare, "pool scorer": whole}


TABLE = Table(
    name="pool_scoring",
    title="Scoring 60 hippocampus volumes against the bare network's looks",
    rows=tuple(_ROWS),
    columns=("1 thread, no GPU",),
    seeds=(0, 1, 2),
    measure=measure,
    metrics={"ratio": "time of the scorer over that of the bare network", "bare network": "CPU s", "pool scorer": "CPU s"},
    note="The scorer reads and prepares each file, computes all scores and vectors; the bare network has the prepared volumes "
    "in memory. Same number of looks. Goal: a ratio of at most 1.2.",
)
