"""What it costs to kill the whole server while clients save: lost labels, failed starts, half files."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import requests
import SimpleITK as sitk

from benchmarks.serving import Served, served, write_volumes
from benchmarks.table import Cell, Table

KILLS = 20
_TASK = "brain_tumour_t1c_flair"
_IMAGES = tuple(f"flair_{number}" for number in range(4))
_CLIENTS = 6
_SECONDS = (0.3, 4.0)
_DIFFERENT_LABELS = 10


def measure(cell: Cell) -> dict[str, float]:
    """Counts over kills of one server that six clients save label maps to, each life 0.3 to 4 seconds of work."""
    chance = random.Random(cell.seed)
    counts: Counter[str] = Counter(kills=0, failed_starts=0, errors=0)
    saved: dict[int, str] = {}
    with tempfile.TemporaryDirectory() as place:
        studies, models = Path(place, "studies"), Path(place, "models")
        write_volumes(studies, _IMAGES, cell.seed)
        contents = _labels(studies / f"{_IMAGES[0]}.nii.gz", Path(place), cell.seed)
        while counts["kills"] < KILLS:
            try:
                with served(studies, CROSSLABEL_MODELS=str(models)) as server:
                    counts["errors"] += _save_until_killed(server, contents, saved, chance.uniform(*_SECONDS))
            except RuntimeError:
                counts["failed_starts"] += 1
            counts["kills"] += 1
        with served(studies, CROSSLABEL_MODELS=str(models)) as server:
            counts.update(_compare(server, saved, {hashlib.sha256(content).hexdigest() for content in contents}))
        counts["strays"] = sum(
            path.is_file() for path in (studies / ".crosslabel" / "staging").rglob("*") if path.name != "lock"
        )
    counts["acknowledged"] = len(saved)
    return {name: float(count) for name, count in counts.items()}


def _labels(image: Path, folder: Path, seed: int) -> list[bytes]:
    """Label files that differ, so that one cannot be taken for another."""
    rng, volume = np.random.default_rng(seed), sitk.ReadImage(str(image))
    contents = []
    for number in range(_DIFFERENT_LABELS):
        label = sitk.GetImageFromArray(rng.integers(0, 2, sitk.GetArrayFromImage(volume).shape).astype(np.uint8))
        label.CopyInformation(volume)
        path = folder / f"label_{number}.nii.gz"
        sitk.WriteImage(label, str(path))
        contents.append(path.read_bytes())
    return contents


def _save_until_killed(server: Served, contents: list[bytes], saved: dict[int, str], seconds: float) -> int:
    """Returns how many answers were errors; a connection that the kill cut is none."""
    killed, errors = threading.Event(), Counter[str]()

    def work(client: int) -> None:
        with requests.Session() as session:
            for number in range(client, 10**6, _CLIENTS):
                content, image = contents[number % len(contents)], _IMAGES[number % len(_IMAGES)]
                form = {"label": ("label.nii.gz", content)}
                options = {"params": {"image": image}, "data": {"params": f'{{"task": "{_TASK}"}}'}, "timeout": 60}
                try:
                    answer = session.put(f"{server.address}/datastore/label", files=form, **options)
                except requests.RequestException:
                    if not killed.is_set():
                        errors["connection"] += 1
                    return
                if answer.ok:
                    saved[answer.json()["id"]] = hashlib.sha256(content).hexdigest()
                else:
                    errors[str(answer.status_code)] += 1

    threads = [threading.Thread(target=work, args=(client,)) for client in range(_CLIENTS)]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    killed.set()
    os.kill(server.process, signal.SIGKILL)
    for thread in threads:
        thread.join()
    return errors.total()


def _compare(server: Served, saved: dict[int, str], whole: set[str]) -> dict[str, int]:
    lost = 0
    for label, digest in saved.items():
        answer = requests.get(f"{server.address}/api/v1/labels/{label}/file", timeout=60)
        lost += not answer.ok or hashlib.sha256(answer.content).hexdigest() != digest
    half = 0
    for image in _IMAGES:
        history = requests.get(f"{server.address}/api/v1/labels", params={"task": _TASK, "image": image}, timeout=60).json()
        for label in history["labels"]:
            content = requests.get(f"{server.address}/api/v1/labels/{label['id']}/file", timeout=60).content
            half += hashlib.sha256(content).hexdigest() not in whole
    return {"lost": lost, "half_files": half}


TABLE = Table(
    name="kill_server",
    title=f"kill -9 at {KILLS} random moments of the whole server while six clients save labels",
    rows=("six clients",),
    columns=("SQLite on a local disk",),
    seeds=(0,),
    measure=measure,
    metrics={
        "kills": "servers killed",
        "acknowledged": "saves that were answered with 200",
        "lost": "of these, not downloaded byte for byte afterwards",
        "failed_starts": "of the next server",
        "half_files": "versions shown that are none of the files that were sent",
        "errors": "answers other than 200 before the kill",
        "strays": "files in the staging folder at the end",
    },
    note="Goal: 0 lost, 0 failed starts, 0 half files.",
)
