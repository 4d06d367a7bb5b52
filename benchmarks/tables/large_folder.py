"""Ten thousand studies in one folder: how long until they are found, and how soon a server is there again."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import requests

from benchmarks.serving import served, write_volumes
from benchmarks.table import Cell, Table
from crosslabel.store import Store

_PROBES = 40


def measure(cell: Cell) -> dict[str, float]:
    """Seconds of the first scan, of opening and scanning again, of a server's start with the index, and p95 of /info/."""
    count = int(cell.row.split()[0])
    with tempfile.TemporaryDirectory() as place:
        studies = Path(place, "studies")
        write_volumes(studies, ["flair_0"], cell.seed)
        for number in range(1, count):
            shutil.copyfile(studies / "flair_0.nii.gz", studies / f"flair_{number}.nii.gz")
        with Store(studies) as store:
            first = _seconds(store.scan)
        started = time.monotonic()
        with Store(studies) as store:
            store.images.count()
            opening = time.monotonic() - started
            again = _seconds(store.scan)
        started = time.monotonic()
        with served(studies, CROSSLABEL_MODELS=str(Path(place, "models"))) as server:
            start = time.monotonic() - started
            info = [_seconds(lambda: requests.get(f"{server.address}/info/", timeout=60)) for _ in range(_PROBES)]
        with tempfile.TemporaryDirectory() as empty:
            started = time.monotonic()
            with served(Path(empty), CROSSLABEL_MODELS=str(Path(place, "models"))):
                start_empty = time.monotonic() - started
    return {
        "first scan": first,
        "opening": opening,
        "second scan": again,
        "server start": start,
        "server start, empty folder": start_empty,
        "info p95": float(np.percentile(info, 95)) * 1000,
    }


def _seconds(action: Callable[[], object]) -> float:
    started = time.monotonic()
    action()
    return time.monotonic() - started


TABLE = Table(
    name="large_folder",
    title="A folder of ten thousand studies",
    rows=("10000 volumes",),
    columns=("SQLite on a local disk",),
    seeds=(0,),
    measure=measure,
    metrics={
        "first scan": "s, in the background of a server",
        "opening": "s, of the store with its index",
        "second scan": "s, nothing changed",
        "server start": "s until /health, with the index",
        "server start, empty folder": "s, the imports alone",
        "info p95": "ms",
    },
    note="Goal: below 5 s from a warm index, beside what the imports take.",
)
