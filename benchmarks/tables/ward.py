"""A ward at work: twenty annotators and one real server, for minutes."""

from __future__ import annotations

import hashlib
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import requests
from requests_toolbelt import MultipartDecoder

from benchmarks.serving import served, write_volumes
from benchmarks.table import Cell, Table

_CLIENTS = 20
_IMAGES = 60
_TASK = "brain_tumour_t1c_flair"
_SECONDS_TO_LOOK = 2.0
_SECONDS_BETWEEN_PROBES = 0.25
# Loading networks and readers is not what grows while people work.
_WARM_UP_SECONDS = 15.0


@dataclass
class Record:
    """What the clients saw; lists are appended to by many threads, which Python does safely."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {"infer": [], "next": [], "save": [], "download": []})
    info: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    saved: dict[str, str] = field(default_factory=dict)


def measure(cell: Cell) -> dict[str, float]:
    """p95 of /info/, medians of the others, growth of memory, failures and lost labels."""
    with tempfile.TemporaryDirectory() as place:
        studies = Path(place, "studies")
        write_volumes(studies, [f"flair_{number}" for number in range(_IMAGES)], cell.seed)
        with served(studies, CROSSLABEL_MODELS=str(Path(place, "models"))) as server:
            record, end = Record(), threading.Event()
            threads = [threading.Thread(target=_annotate, args=(server.address, n, record, end)) for n in range(_CLIENTS)]
            threads.append(threading.Thread(target=_probe, args=(server.address, record, end)))
            for thread in threads:
                thread.start()
            time.sleep(_WARM_UP_SECONDS)
            before = psutil.Process(server.process).memory_info().rss
            time.sleep(float(cell.row.split()[0]) - _WARM_UP_SECONDS)
            growth = psutil.Process(server.process).memory_info().rss - before
            end.set()
            for thread in threads:
                thread.join()
            return _summary(record, growth, _lost(server.address, record))


def _annotate(address: str, number: int, record: Record, end: threading.Event) -> None:
    """Next study, predict, look, save as final, download again: until the end."""
    session, name = requests.Session(), {"client_id": f"annotator {number}"}

    def ask(kind: str, method: str, path: str, **options: Any) -> requests.Response | None:
        started = time.monotonic()
        try:
            answer = session.request(method, address + path, timeout=300, **options)
        except requests.RequestException as error:
            record.failures[f"{kind}: {type(error).__name__}"] += 1
            return None
        record.seconds[kind].append(time.monotonic() - started)
        if not answer.ok:
            record.failures[f"{kind}: {answer.status_code}"] += 1
            return None
        return answer

    while not end.is_set():
        sample = ask("next", "POST", "/activelearning/random", json={**name, "task": _TASK})
        image = sample.json().get("id") if sample is not None else None
        if image is None:
            image = f"flair_{number}"
        answer = ask("infer", "POST", f"/infer/{_TASK}", params={"image": image})
        if answer is None:
            continue
        label = MultipartDecoder.from_response(answer).parts[1].content
        end.wait(_SECONDS_TO_LOOK)
        file = {"label": ("label.nii.gz", label)}
        options = {
            "params": {"image": image, "tag": f"reader{number}"},
            "files": file,
            "data": {"params": f'{{"task": "{_TASK}"}}'},
        }
        if ask("save", "PUT", "/datastore/label", **options) is not None:
            record.saved[f"{image}|reader{number}"] = hashlib.sha256(label).hexdigest()
        ask("download", "GET", "/datastore/image", params={"image": image})


def _probe(address: str, record: Record, end: threading.Event) -> None:
    session = requests.Session()
    while not end.wait(_SECONDS_BETWEEN_PROBES):
        started = time.monotonic()
        if not session.get(f"{address}/info/", timeout=60).ok:
            record.failures["info"] += 1
        record.info.append(time.monotonic() - started)


def _lost(address: str, record: Record) -> int:
    """Acknowledged labels whose bytes do not come back."""
    lost = 0
    for key, digest in record.saved.items():
        image, tag = key.split("|")
        answer = requests.get(f"{address}/datastore/label", params={"label": image, "tag": tag, "task": _TASK}, timeout=60)
        lost += not answer.ok or hashlib.sha256(answer.content).hexdigest() != digest
    return lost


def _summary(record: Record, growth: int, lost: int) -> dict[str, float]:
    for failure, count in record.failures.items():
        print(f"{count} x {failure}")
    return {
        "info p95": float(np.percentile(record.info, 95)) * 1000,
        "infer median": float(np.median(record.seconds["infer"])),
        "next median": float(np.median(record.seconds["next"])),
        "save median": float(np.median(record.seconds["save"])),
        "images predicted": float(len(record.seconds["infer"])),
        "labels saved": float(len(record.seconds["save"])),
        "memory growth": growth / 2**20,
        "failures": float(sum(record.failures.values())),
        "labels lost": float(lost),
    }


TABLE = Table(
    name="ward",
    title="Twenty annotators at once",
    rows=("60 s", "300 s"),
    columns=("2 cores, no GPU",),
    seeds=(0,),
    measure=measure,
    metrics={
        "info p95": "ms",
        "infer median": "s, waiting for the others included",
        "next median": "s",
        "save median": "s",
        "images predicted": "count",
        "labels saved": "count",
        "memory growth": "MiB after the first 15 s",
        "failures": "answers that are no 2xx, or none",
        "labels lost": "acknowledged saves that do not come back",
    },
    note="Each annotator asks for the next study, has it predicted, looks at it for two seconds, saves the label and downloads "
    "the image, again and again; /info/ is asked every quarter of a second. Goal: no failure, no lost label, /info/ p95 below "
    "100 ms, memory flat.",
)
