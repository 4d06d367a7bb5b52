"""How long the choice of the next case takes in a large folder."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import requests

from benchmarks.serving import served
from benchmarks.table import Cell, Table
from crosslabel.store import Origin, Ranked, Store
from crosslabel.store.stock_layout import INDEX

_STUDIES, _LABELLED, _QUESTIONS = 10_000, 1_000, 200
_TASK = "hippocampus"
_ROWS = {"recommended": "default", "random": "random", "first by name": "first", "ten at once, recommended": "default"}


def measure(cell: Cell) -> dict[str, float]:
    """Times of 200 answers, each asked by another annotator, while 9,000 of 10,000 studies wait."""
    count = 10 if cell.row.startswith("ten") else 1
    with tempfile.TemporaryDirectory() as place:
        studies = Path(place, "studies")
        _prepare(studies, cell.seed)
        with served(studies, CROSSLABEL_MODELS=str(Path(place, "models"))) as server:
            _until(studies / INDEX)
            seconds = [_ask(server.address, _ROWS[cell.row], count, number) for number in range(_QUESTIONS)]
    # The first one makes the server compile its queries.
    milliseconds = np.array(seconds[1:]) * 1000
    return {"p95": float(np.percentile(milliseconds, 95)), "median": float(np.median(milliseconds)), "first": seconds[0] * 1000}


def _ask(address: str, strategy: str, count: int, number: int) -> float:
    body = {"strategy": strategy, "count": count, "client_id": f"annotator {number}"}
    started = time.monotonic()
    answer = requests.post(f"{address}/api/v1/learning/{_TASK}/next", json=body, timeout=60)
    answer.raise_for_status()
    elapsed = time.monotonic() - started
    if len(answer.json()["cases"]) != count:
        raise RuntimeError("too few cases were handed out")
    return elapsed


def _until(written: Path) -> None:
    """Wait for a file that the server writes when it meets a folder for the first time."""
    end = time.monotonic() + 300
    while not written.is_file():
        if time.monotonic() > end:
            raise RuntimeError(f"{written} was not written")
        time.sleep(0.5)


def _prepare(folder: Path, seed: int) -> None:
    folder.mkdir()
    rng = np.random.default_rng(seed)
    for number in range(_STUDIES):
        volume = rng.integers(0, 200, (8, 8, 8)).astype(np.int16)
        nib.save(nib.Nifti1Image(volume, np.eye(4)), folder / f"mr_{number:05d}.nii.gz")
    with Store(folder) as store:
        store.scan()
        ids = [image.id for image in store.images.list()]
        labelled = rng.permutation(ids)[:_LABELLED]
        label = folder.parent / "label.nii.gz"
        nib.save(nib.Nifti1Image(np.ones((8, 8, 8), np.uint8), np.eye(4)), label)
        for image_id in labelled:
            store.labels.save_file(_TASK, str(image_id), label, Origin("oracle"))
        order = [
            Ranked(str(image_id), float(rng.random()), "The model is less sure here.") for image_id in rng.permutation(ids)
        ]
        store.rankings.replace(_TASK, "default", order, "hippocampus v1")


TABLE = Table(
    name="next_sample",
    title="Milliseconds to the next case among 10,000 studies",
    rows=tuple(_ROWS),
    columns=("2 cores, no GPU",),
    seeds=(0,),
    measure=measure,
    metrics={"p95": "ms, of 199 answers over HTTP", "median": "ms", "first": "ms, the first answer of the server"},
    note="Small volumes, 1,000 of which are labelled; every answer leases what it hands out, so 199 to 1,990 are leased in the "
    "end. The voxels of each case are read once before it is handed out, which a large volume makes longer unless the pool "
    "scorer has read it before. Learning is switched off, and the server has written MONAI Label's layout of the 1,000 labels "
    "before, as it does when it first meets a folder, so that nothing else computes. Goal: p95 below 50 ms.",
)
