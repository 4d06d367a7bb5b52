"""How long a clinician waits for a class and for why, and what a folder of images costs beyond the network itself."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import psutil
import requests
import torch
import yaml
from PIL import Image as Picture

from benchmarks.serving import served
from benchmarks.table import Cell, Table
from crosslabel.checkpoints import ModelStore
from crosslabel.data import Case
from crosslabel.explanation.answering import answer_cases
from crosslabel.inference import Classifier, load_predictor
from crosslabel.inference.trust import Trust, described, learn_trust
from crosslabel.tasks import TaskSpec, load_task
from crosslabel.tasks.building import network_of

_REPETITIONS = 15
_IMAGES = 1000
# The first batch of a turn is read before anything computes; a folder is begun once, so few turns.
_TURN = 500
_BATCH = 16
_ANSWER, _HEATMAP, _FOLDER = "class of one picture", "heat map of one picture (Grad-CAM)", "folder of 1,000 pictures"
_TASK = {
    "schema": 1,
    "name": "speed",
    "title": "Speed",
    "kind": "classification",
    "dimension": 2,
    "classes": ["a", "b"],
    "domains": {"target": {"name": "xr", "modality": "XR", "intensity": {"rule": "percentile"}}},
    "patch": [128, 128],
    "network": {"name": "torchvision.resnet18"},
}


def measure(cell: Cell) -> dict[str, float]:
    """Times with a network of random weights, which takes as long as a trained one."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tasks").mkdir()
        (folder / "tasks" / "speed.yaml").write_text(yaml.safe_dump(_TASK), encoding="utf-8")
        task = load_task(folder / "tasks" / "speed.yaml")
        torch.manual_seed(cell.seed)
        store = ModelStore(folder / "models")
        network = network_of(task)
        trust = _some_trust(task, network)
        store.publish(task, network.state_dict(), {"trust": trust.facts()}, extras=trust.tensors())
        rng = np.random.default_rng(cell.seed)
        if cell.row == _FOLDER:
            return _folder(task, store, folder, rng)
        (folder / "studies").mkdir()
        _picture(rng, folder / "studies" / "xr_0.png")
        variables = {"CROSSLABEL_TASKS": str(folder / "tasks"), "CROSSLABEL_MODELS": str(folder / "models")}
        with served(folder / "studies", **variables) as server:
            output = "json" if cell.row == _ANSWER else "heatmap"
            address, process = f"{server.address}/infer/speed?image=xr_0&output={output}", psutil.Process(server.process)
            _ask(address), _ask(address)
            before = _processor_seconds(process)
            seconds = [_ask(address) for _ in range(_REPETITIONS)]
            spent = (_processor_seconds(process) - before) / _REPETITIONS
        return {"milliseconds": 1000 * median(seconds), "processor milliseconds": 1000 * spent}


def _some_trust(task: TaskSpec, network: torch.nn.Module) -> Trust:
    images = torch.randn(400, 1, *task.patch, generator=torch.Generator().manual_seed(0))
    found = described(network.eval(), lambda index: images[index], 100)
    return learn_trust(found, found, torch.arange(100) % 2, share=0.95)


def _picture(rng: np.random.Generator, path: Path) -> None:
    Picture.fromarray(rng.integers(0, 255, (256, 256)).astype(np.uint8)).save(path)


def _ask(address: str) -> float:
    started = time.perf_counter()
    requests.post(address, timeout=60).raise_for_status()
    return time.perf_counter() - started


def _processor_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _folder(task: TaskSpec, store: ModelStore, folder: Path, rng: np.random.Generator) -> dict[str, float]:
    first = folder / "a.png"
    _picture(rng, first)
    cases = []
    for number in range(_IMAGES):
        path = folder / f"xr_{number}.png"
        shutil.copy(first, path)
        cases.append(Case(f"xr_{number}", path, "a", modality=task.domains.target.modality))
    classifier = load_predictor(task, store, "cpu")
    assert isinstance(classifier, Classifier)
    answer_cases(classifier, cases[:_BATCH])
    whole = bare = processor_whole = processor_bare = 0.0
    # Turn by turn, so that what else the machine does slows both alike.
    for start in range(0, _IMAGES, _TURN):
        part = cases[start : start + _TURN]
        seconds, processor = _seconds(lambda part=part: answer_cases(classifier, part))
        whole, processor_whole = whole + seconds, processor_whole + processor
        seconds, processor = _seconds(lambda: _bare(classifier.network))
        bare, processor_bare = bare + seconds, processor_bare + processor
    return {
        "images per second": _IMAGES / whole,
        "share of the bare network": bare / whole,
        "share by processor time": processor_bare / processor_whole,
    }


def _bare(network: torch.nn.Module) -> None:
    batch = torch.zeros(_BATCH, 1, 128, 128)
    with torch.inference_mode():
        for start in range(0, _TURN, _BATCH):
            network(batch[: min(_BATCH, _TURN - start)])


def _seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds on the clock and of all threads' processor time."""
    started, spent = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - started, time.process_time() - spent


TABLE = Table(
    name="classification_speed",
    title="Classification: what one waits for",
    rows=(_ANSWER, _HEATMAP, _FOLDER),
    columns=("ResNet-18, 128 px",),
    seeds=(0, 1, 2),
    measure=measure,
    metrics={
        "milliseconds": "median of 15 warm requests to a real server, calibrated, with the score of unlike images and the "
        "uncertainty over 2 views",
        "processor milliseconds": "processor time of the server for one request: what is left of the former where nothing else "
        "runs, on one core",
        "images per second": "on one core",
        "share of the bare network": "reading, preparing, classifying and scoring against the same network on ready tensors",
        "share by processor time": "the same without what overlaps on a second core",
    },
    note="With one thread. Goals: the "
    "answer below 100 ms and the heat map below 400 ms on 2 cores; a folder at no less than 80 % of the bare "
    "network's throughput.",
)
