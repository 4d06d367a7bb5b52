"""Results on disk: one small JSON file for each cell, with the machine and the commit that made it."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.table import Cell, Table
from crosslabel.files import write_json
from crosslabel.provenance import code_commit

RESULTS = Path(__file__).parent / "results"


def path_of(table: Table, cell: Cell) -> Path:
    """Where a cell's result lies."""
    return RESULTS / table.name / f"{cell.key}.json"


def save(table: Table, cell: Cell, metrics: dict[str, float], seconds: float) -> None:
    """Write a cell's result, whole or not at all."""
    content = {
        "table": table.name,
        "row": cell.row,
        "column": cell.column,
        "seed": cell.seed,
        "metrics": {name: round(value, 5) for name, value in metrics.items()},
        "seconds": round(seconds, 1),
        "machine": machine(),
        "commit": code_commit(),
        "uncommitted_changes": _dirty(),
        "date": datetime.now(timezone.utc).date().isoformat(),
    }
    write_json(path_of(table, cell), content)


def load(table: Table) -> dict[Cell, dict[str, Any]]:
    """All results of a table's cells that there are."""
    found = {}
    for cell in table.cells():
        path = path_of(table, cell)
        if path.is_file():
            found[cell] = json.loads(path.read_text(encoding="utf-8"))
    return found


def machine() -> dict[str, Any]:
    """The machine in words, without its name."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "gpu": _gpu(),
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": metadata.version("torch"),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _gpu() -> str | None:
    # Not through torch: importing it would take longer than many a measurement.
    try:
        answer = subprocess.run(
            ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.splitlines()[0].strip() or None


def _dirty() -> bool:
    folder = Path(__file__).parents[1]
    answer = subprocess.run(
        ["git", "-C", str(folder), "status", "--porcelain", "--", "lib", "apps", "sample_data"], capture_output=True, text=True
    )
    return answer.returncode != 0 or bool(answer.stdout.strip())
