"""From the last label of a batch to a served model."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import numpy as np
import requests
import yaml

from benchmarks.learning import task_with
from benchmarks.serving import served
from benchmarks.table import Cell, Table
from crosslabel.data import labelled_cases

_DATA = Path(os.environ.get("CROSSLABEL_HIPPOCAMPUS", Path(__file__).parents[3] / "shared" / "data" / "hippocampus"))
_TASK = "hippocampus"
_IMAGES, _BATCH, _QUIET = 40, 5, 5
_LONGEST_SECONDS = 400


def measure(cell: Cell) -> dict[str, float]:
    """Two rounds: the first trains from nothing, the second is the fine-tuning that is measured."""
    if not _DATA.is_dir():
        raise FileNotFoundError(f"{_DATA} is not on this machine")
    task = task_with(_TASK, {"epochs": 10, "seed": cell.seed}, {"new_labels": _BATCH, "quiet_seconds": _QUIET})
    cases = labelled_cases(_DATA, task)[:_IMAGES]
    with tempfile.TemporaryDirectory() as place:
        studies, tasks = Path(place, "studies"), Path(place, "tasks")
        studies.mkdir()
        tasks.mkdir()
        content = task.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        (tasks / f"{_TASK}.yaml").write_text(yaml.safe_dump({"schema": 1, **content}))
        for case in cases:
            (studies / case.image.name).write_bytes(case.image.read_bytes())
        variables = {"CROSSLABEL_MODELS": str(Path(place, "models")), "CROSSLABEL_TASKS": str(tasks)}
        with served(studies, **variables) as server:
            first = _round(server.address, cases[:_BATCH], 1)
            _until_idle(server.address)
            second = _round(server.address, cases[_BATCH : 2 * _BATCH], 2)
    return {"submit to served": second["seconds"], "info p95": second["info p95"], "first round": first["seconds"]}


def _round(address: str, cases: list, number: int) -> dict[str, float]:
    for case in cases:
        with case.label.open("rb") as file:
            answer = requests.put(
                f"{address}/datastore/label",
                params={"image": case.id, "tag": "final"},
                files={"label": (case.label.name, file)},
                data={"params": f'{{"task": "{_TASK}"}}'},
                timeout=60,
            )
        answer.raise_for_status()
    started, info = time.monotonic(), []
    while time.monotonic() - started < _LONGEST_SECONDS:
        asked = time.monotonic()
        requests.get(f"{address}/info/", timeout=60).raise_for_status()
        info.append((time.monotonic() - asked) * 1000)
        versions = requests.get(f"{address}/api/v1/versions/{_TASK}", timeout=60).json()
        if len(versions) >= number:
            print(versions[-1], flush=True)
            return {"seconds": time.monotonic() - started, "info p95": float(np.percentile(info, 95))}
        time.sleep(0.25)
    raise RuntimeError("no version was published in time")


def _until_idle(address: str) -> None:
    started = time.monotonic()
    while time.monotonic() - started < _LONGEST_SECONDS:
        if requests.get(f"{address}/api/v1/learning/{_TASK}", timeout=60).json()["state"] == "idle":
            return
        time.sleep(0.5)


TABLE = Table(
    name="submit_to_promotion",
    title="Seconds from the last of five submitted labels to the decision about a new hippocampus model",
    rows=("a fine-tuning round of 150 steps",),
    columns=("2 cores, no GPU",),
    seeds=(0,),
    measure=measure,
    metrics={
        "submit to served": "s, with 5 s of quiet and the start of the trainer's process",
        "info p95": "ms, /info/ asked four times a second meanwhile",
        "first round": "s, 300 steps from nothing",
    },
    note="The new version is decided upon at the end of the round: served if it is not worse. Goals: below 60 s, and /info/ "
    "below 100 ms.",
)
