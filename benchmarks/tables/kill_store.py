"""What a kill -9 costs: acknowledged writes that are lost, stores that do not open, files that are not whole."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.killing import kill_writers
from benchmarks.table import Cell, Table

KILLS = 200
_WRITERS = {"1 process": 1, "3 processes at once": 3}


def measure(cell: Cell) -> dict[str, float]:
    """Counts over 200 kills of processes that save labels, scores and checkpoints."""
    with tempfile.TemporaryDirectory() as folder:
        return kill_writers(Path(folder), KILLS, _WRITERS[cell.row], cell.seed)


TABLE = Table(
    name="kill_store",
    title="kill -9 at 200 random moments of processes that write into the store",
    rows=tuple(_WRITERS),
    columns=("SQLite on a local disk",),
    seeds=(0,),
    measure=measure,
    metrics={
        "kills": "processes killed",
        "acknowledged": "writes that returned before the kill",
        "lost": "of these, not there afterwards",
        "failed_opens": "of the store after a kill",
        "half_files": "labels or checkpoints shown that are not what was saved",
        "strays": "files that no label names, after the store is opened",
    },
    note="Goal: 0 lost, 0 failed opens, 0 half files. A kill leaves the page cache of the system alive; a loss of power is "
    "covered by syncing files and folders before the commit, and not measured.",
)
