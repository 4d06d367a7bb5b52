"""What a kill -9 costs the learning loop."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import requests

from benchmarks.table import Cell, Table

_KILLS = 25
_LONGEST_LIFE_SECONDS = 6.0
# What was killed until then counts; slow machines start a server or a trainer in half a minute.
_LONGEST_SECONDS = 400


def measure(cell: Cell) -> dict[str, float]:
    """Kill trainer or server again and again while labels are saved, then let the loop come to its end."""
    sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
    from learning_server import IMAGES, TASK, learning_server, long_rounds, submit, wait_for, write_root
    from server_process import trainers, unused_port

    moments = random.Random(cell.seed)
    counts = {"kills": 0, "acknowledged": 0, "lost": 0, "two trainers": 0, "two processes": 0, "loop went on": 0}
    with tempfile.TemporaryDirectory() as place:
        root = write_root(Path(place) / "root", new_labels=1, quiet_seconds=0.0)
        long_rounds(root)
        acknowledged: dict[str, int] = {}
        started = time.monotonic()
        while counts["kills"] < _KILLS and time.monotonic() - started < _LONGEST_SECONDS:
            with contextlib.suppress(requests.RequestException), learning_server(root, unused_port()) as server:
                for _ in range(1 if cell.row == "server" else _KILLS):
                    image = f"mr_{moments.randrange(IMAGES):02d}"
                    answer = submit(server, root, image)
                    if answer.ok:
                        acknowledged[image] = answer.json()["version"]
                        counts["acknowledged"] += 1
                    trained, processes = _watch(trainers, root, moments.uniform(0.2, _LONGEST_LIFE_SECONDS))
                    counts["two trainers"] += trained
                    counts["two processes"] += processes
                    victims = [server.process] if cell.row == "server" else [one.pid for one in trainers(root)]
                    for victim in victims:
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(victim, signal.SIGKILL)
                            counts["kills"] += 1
                    if counts["kills"] >= _KILLS or time.monotonic() - started > _LONGEST_SECONDS:
                        break
        with learning_server(root, unused_port()) as server:
            for image, version in acknowledged.items():
                history = server.get("/api/v1/labels", params={"task": TASK, "image": image}).json()["labels"]
                counts["lost"] += version not in [label["version"] for label in history]
            submit(server, root, "mr_00")
            done = wait_for(server, "a version", lambda now: now["versions"] and now["state"] == "idle")
            counts["loop went on"] = int(bool(done["versions"]))
    return {name: float(count) for name, count in counts.items()}


def _watch(trainers: Callable[[Path], list], root: Path, seconds: float) -> tuple[int, int]:
    """Whether two runs went on by turns until the moment of the kill, and whether two processes were there at once."""
    processes, went_on, end = 0, [], time.monotonic() + seconds
    before = _progress(root)
    while time.monotonic() < end:
        time.sleep(0.2)
        now = _progress(root)
        went_on += [run for run, size in now.items() if size != before.get(run)]
        before = now
        processes = max(processes, int(len(trainers(root)) > 1))
    # One that goes on again after another did: they ran at once. One that ends when another begins is as it should be.
    turns = [run for run, _ in groupby(went_on)]
    return int(len(turns) > len(set(turns))), processes


def _progress(root: Path) -> dict[Path, int]:
    """How much each run has written of its progress."""
    return {file: file.stat().st_size for file in (root / "models").rglob("progress.jsonl")}


TABLE = Table(
    name="kill_learning",
    title="kill -9 of trainer or server at up to 25 random moments each, while labels are saved and learnt from",
    rows=("trainer", "server"),
    columns=("2 cores, no GPU",),
    seeds=(0, 1, 2),
    measure=measure,
    metrics={
        "kills": "processes killed",
        "acknowledged": "labels whose save was answered",
        "lost": "of these, not there in the end",
        "two trainers": "kills before which two runs of the task went on at once",
        "two processes": "kills before which the processes of two trainers were there, one of which waits or ends",
        "loop went on": "1 if a version was published in the end",
    },
    note="Goal: nothing lost, no second trainer, and the loop goes on. A trainer that lost its server ends after its step in "
    "hand, and one that was still starting when it has started; until then its process may be seen beside that of the next "
    "server. One of the two holds the task's lock, the other trains nothing.",
)
