"""Kills processes at random moments while they save labels, scores and checkpoints, and counts what was lost.

python -m benchmarks.killing FOLDER KILLS WRITERS SEED prints the counts as JSON.
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch

from crosslabel.checkpoints import ModelStore
from crosslabel.errors import CrossLabelError
from crosslabel.files import sha256_of
from crosslabel.store import LabelRecord, Origin, Store
from crosslabel.tasks import TaskSpec

IMAGES = 5
# Opening a store takes a tenth of it: some processes die before they have written anything.
LONGEST_LIFE_SECONDS = 0.6
_TASK = TaskSpec.model_validate(
    {
        "schema": 1,
        "name": "killed",
        "title": "A task for tests",
        "kind": "segmentation",
        "labels": [{"name": "first", "value": 1, "color": "#ff0000"}],
        "domains": {"target": {"name": "mr", "modality": "MR", "intensity": {"rule": "percentile"}}},
        "spacing": [4.0, 4.0, 4.0],
        "patch": [16, 16, 16],
        "network": {"name": "UNet", "arguments": {"channels": [4, 8], "strides": [2]}},
    }
)


def kill_writers(folder: Path, kills: int, writers: int, seed: int) -> dict[str, float]:
    """Start ``writers`` processes, kill each within a second, open the store and compare; until ``kills`` are killed.

    Returns:
        Counts of: kills, acknowledged (writes that returned before the kill), lost (acknowledged writes that are not there),
        failed_opens, half_files (label files that the store shows and that are not what was saved, checkpoints that do not
        load), strays (files among the labels or in the staging folder that no version names).
    """
    torch.set_num_threads(1)
    chance = random.Random(seed)
    counts: Counter[str] = Counter(kills=0, acknowledged=0, lost=0, failed_opens=0, half_files=0, strays=0)
    acknowledged: list[dict[str, Any]] = []
    _make_studies(folder)
    while counts["kills"] < kills:
        running = [_start(folder) for _ in range(writers)]
        lives = sorted(chance.uniform(0.0, LONGEST_LIFE_SECONDS) for _ in running)
        started = time.monotonic()
        for (process, _), life in zip(running, lives, strict=True):
            time.sleep(max(0.0, started + life - time.monotonic()))
            os.kill(process.pid or 0, signal.SIGKILL)
            counts["kills"] += 1
        acknowledged.extend(itertools.chain.from_iterable(_said(process, pipe) for process, pipe in running))
        try:
            with Store(folder / "studies") as store:
                counts.update(_stray(store))
        except CrossLabelError:
            counts["failed_opens"] += 1
    counts["acknowledged"] = len(acknowledged)
    counts.update(_compare(folder, acknowledged))
    return {name: float(count) for name, count in counts.items()}


def _make_studies(folder: Path) -> None:
    studies = folder / "studies"
    studies.mkdir(parents=True)
    for number in range(IMAGES):
        nib.save(nib.Nifti1Image(np.zeros((8, 8, 8), np.int16), np.eye(4)), studies / f"mr_{number}.nii.gz")
    nib.save(nib.Nifti1Image(np.random.default_rng(0).integers(0, 2, (64, 64, 32)).astype(np.uint8), np.eye(4)), _label(folder))
    with Store(studies) as store:
        store.scan()


def _label(folder: Path) -> Path:
    return folder / "label.nii.gz"


def _start(folder: Path) -> tuple[BaseProcess, int]:
    # A fork spares the seconds of the imports; the parent holds no store and no thread at this moment.
    reading, writing = os.pipe()
    process = multiprocessing.get_context("fork").Process(target=_write_for_ever, args=(folder, writing))
    process.start()
    os.close(writing)
    return process, reading


def _write_for_ever(folder: Path, pipe: int) -> None:
    store, models = Store(folder / "studies"), ModelStore(folder / "models")
    me = os.getpid()
    for number in itertools.count(1):
        image_id = f"mr_{number % IMAGES}"
        saved = store.labels.save_file(_TASK.name, image_id, _label(folder), Origin(f"{me}", params={"number": number}))
        _acknowledge(pipe, kind="label", image=image_id, version=saved.version, author=f"{me}", number=number)
        store.scores.set(_TASK.name, f"entropy-{me}", {image_id: float(number)})
        _acknowledge(pipe, kind="score", name=f"entropy-{me}", image=image_id, value=float(number))
        store.images.merge_info(image_id, {f"{me}": number})
        _acknowledge(pipe, kind="info", image=image_id, key=f"{me}", value=number)
        if number % 5 == 0:
            version = models.publish(_TASK, {"weight": torch.full((64,), float(number))}, {"author": me})
            _acknowledge(pipe, kind="checkpoint", version=version.number, number=number, author=me)


def _acknowledge(pipe: int, **what: Any) -> None:
    os.write(pipe, (json.dumps(what) + "\n").encode())


def _said(process: BaseProcess, pipe: int) -> Iterator[dict[str, Any]]:
    process.join()
    with os.fdopen(pipe) as lines:
        yield from (json.loads(line) for line in lines)


def _stray(store: Store) -> dict[str, int]:
    known = {label.path for label in _all_labels(store)}
    files = {path for path in store.folders.labels.rglob("*") if path.is_file()}
    staged = [path for path in store.folders.staging.rglob("*") if path.is_file()]
    return {"strays": len(files - known) + len(staged)}


def _all_labels(store: Store) -> Iterator[LabelRecord]:
    for number in range(IMAGES):
        yield from store.labels.history(_TASK.name, f"mr_{number}")


def _compare(folder: Path, acknowledged: list[dict[str, Any]]) -> dict[str, int]:
    models = ModelStore(folder / "models")
    versions = {version.number: version for version in models.versions(_TASK)}
    wanted = sha256_of(_label(folder))
    with Store(folder / "studies") as store:
        labels = {(label.image_id, label.version): label for label in _all_labels(store)}
        half = sum(label.path is None or sha256_of(label.path) != wanted or label.sha256 != wanted for label in labels.values())
        checks: dict[str, Callable[[dict[str, Any]], bool]] = {
            "label": lambda said: _is_label(labels.get((said["image"], said["version"])), said),
            "score": lambda said: store.scores.of_image(_TASK.name, said["image"])[said["name"]].value >= said["value"],
            "info": lambda said: store.images.get(said["image"]).info.get(said["key"], 0) >= said["value"],
            "checkpoint": lambda said: models.record(versions[said["version"]])["author"] == said["author"],
        }
        lost = sum(not _holds(checks[said["kind"]], said) for said in acknowledged)
    half += sum(not _holds(lambda version: len(models.load(_TASK, version).state) == 1, each) for each in versions.values())
    return {"lost": lost, "half_files": half}


def _is_label(label: LabelRecord | None, said: dict[str, Any]) -> bool:
    return label is not None and (label.author, label.params["number"]) == (said["author"], said["number"])


def _holds(check: Callable[[Any], bool], said: Any) -> bool:
    try:
        return check(said)
    except (CrossLabelError, OSError, KeyError, ValueError):
        return False


if __name__ == "__main__":
    print(json.dumps(kill_writers(Path(sys.argv[1]), *(int(argument) for argument in sys.argv[2:5]))))
