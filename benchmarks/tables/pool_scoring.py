"""What scoring a pool costs beside the bare network."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
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
_TURN = 20
_REPEATS = 4
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
    scorer = PoolScorer(task, network, wanted=wanted, looks=_LOOKS)
    bare, whole = [], []
    # In turns, so that what else the machine does burdens both.
    for first in [*range(0, len(cases), _TURN)] * _REPEATS:
        started = _clocks()
        for tensor in tensors[first : first + _TURN]:
            for _ in range(looks):
                window(network, tensor)
        between = _clocks()
        found = list(scorer.scan(PoolImage(case.id, case.image) for case in cases[first : first + _TURN]))
        whole.append(_clocks() - between)
        bare.append(between - started)
        problems = [scores.problem for scores in found if scores.problem]
        if problems:
            raise RuntimeError(problems[0])
    wall, busy = np.median(np.array(whole) / np.array(bare), axis=0)
    return {
        "ratio": wall,
        "ratio of processor time": busy,
        "bare network": float(np.median(bare, axis=0)[0]) / _TURN,
        "pool scorer": float(np.median(whole, axis=0)[0]) / _TURN,
    }


def _clocks() -> np.ndarray:
    """Seconds on the wall and of all processors."""
    return np.array([time.monotonic(), time.process_time()])


TABLE = Table(
    name="pool_scoring",
    title="Scoring 60 hippocampus volumes against the bare network's looks",
    rows=tuple(_ROWS),
    columns=("2 cores, no GPU",),
    seeds=(0, 1, 2),
    measure=measure,
    metrics={
        "ratio": "time of the scorer over that of the bare network, median of 12 turns of 20 volumes",
        "ratio of processor time": "the same of the time that processors were busy",
        "bare network": "s for a volume",
        "pool scorer": "s for a volume",
    },
    note="The scorer reads and prepares each file, computes all scores and vectors; the bare network has the prepared volumes "
    "in memory. Same number of looks, each network on one thread; the scorer's reading takes the other core. Goal: a ratio of "
    "at most 1.2.",
)
