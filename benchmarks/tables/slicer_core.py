"""How long the Slicer extension itself takes, and how long it holds Slicer's main thread."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from benchmarks.table import Cell, Table

_ROOT = Path(__file__).parents[2]
_SHAPE = (128, 256, 256)  # (k, j, i)
_COLUMNS = {"256x256x128, 3 labels": 3, "256x256x128, 13 labels": 13}
_BOXES = 40


def measure(cell: Cell) -> dict[str, float]:
    """Seconds from the click to the end, and the longest that the main thread was held meanwhile."""
    # The extension and the parts of Slicer that its tests set up are no packages of the environment.
    sys.path[:0] = [str(_ROOT / "slicer_extension" / "CrossLabel"), str(_ROOT / "tests")]
    from mrml import mrml_scene
    from stand_in import stand_in

    with tempfile.TemporaryDirectory() as folder, stand_in() as server, mrml_scene():
        names = [f"structure {number}" for number in range(_COLUMNS[cell.column])]
        _prepare(server, Path(folder), names, cell.seed)
        return _steps(server.url, Path(folder))[cell.row]


def _steps(url: str, folder: Path) -> dict[str, dict[str, float]]:
    from CrossLabelLib.background import Background
    from CrossLabelLib.client.results import Case
    from CrossLabelLib.scene.scene import Scene
    from CrossLabelLib.session import Session
    from CrossLabelLib.settings import Settings
    from event_loop import EventLoop

    loop, settings = EventLoop(), Settings(home=folder / "home")
    settings.set("propose_on_load", False)
    settings.set("autosave_seconds", 3600)
    session = Session(Scene(), Background(loop.later), settings=settings)
    session.connect(url)
    loop.until(lambda: session.task)

    def timed(click: Callable[[], Any], done: Callable[[], Any]) -> dict[str, float]:
        started = time.monotonic()
        click()
        held = time.monotonic() - started
        while not done():
            if session.error is not None:
                raise session.error
            turned = time.monotonic()
            loop.turn()
            held = max(held, time.monotonic() - turned)
            time.sleep(0.001)
        return {"in all": time.monotonic() - started, "main thread": held}

    found = {"open a case": timed(lambda: session.work.open(Case("case")), lambda: session.work.case)}
    found["show a proposal"] = timed(session.prediction.propose, lambda: session.prediction.proposal)
    session.work.keeping.edited()
    found["keep unsaved work"] = timed(session.work.keeping.keep, lambda: session.work.keeping.kept)
    found["check and send"] = timed(lambda: session.submission.submit(confirmed=True), lambda: session.submission.saved)
    session.close()
    return found


def _prepare(server: Any, folder: Path, names: list[str], seed: int) -> None:
    """Have a server answer at once with one image and one proposal of boxes."""
    from stand_in import Answer

    rng = np.random.default_rng(seed)
    label = np.zeros(_SHAPE, np.uint8)
    for number in range(_BOXES):
        low = rng.integers(0, np.array(_SHAPE) // 2)
        high = low + rng.integers(8, np.array(_SHAPE) // 3)
        label[tuple(slice(*pair) for pair in zip(low, high, strict=True))] = number % len(names) + 1
    image = (rng.normal(100, 20, _SHAPE) + 40.0 * label).astype(np.float32)
    for name, array in (("image.nii.gz", image), ("label.nrrd", label)):
        volume = sitk.GetImageFromArray(array)
        volume.SetDirection((0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0))
        sitk.WriteImage(volume, str(folder / name), True)
    labels = [{"name": name, "value": value, "color": "#808080"} for value, name in enumerate(names, start=1)]
    values = {entry["name"]: entry["value"] for entry in labels}
    parts = (
        b'--x\r\nContent-Disposition: form-data; name="params"\r\n\r\n'
        + json.dumps({"label_names": values}).encode()
        + b'\r\n--x\r\nContent-Disposition: form-data; name="image"; filename="a.nrrd"\r\n\r\n'
        + (folder / "label.nrrd").read_bytes()
        + b"\r\n--x--\r\n"
    )
    name = {"Content-Disposition": 'filename="image.nii.gz"'}
    server.on("GET", "/info/", {"name": "CrossLabel"})
    server.on("GET", "/api/v1/capabilities", {"version": "0", "capabilities": ["api/v1"]})
    server.on("GET", "/api/v1/tasks", [{"name": "boxes", "kind": "segmentation", "labels": labels}])
    server.on("GET", "/datastore/image", Answer((folder / "image.nii.gz").read_bytes(), headers=name))
    server.on("POST", "/infer/boxes", Answer(parts, type="multipart/form-data; boundary=x"))
    server.on("PUT", "/datastore/label", {"task": "boxes", "version": 1, "id": 1})


TABLE = Table(
    name="slicer_core",
    title="Seconds that the Slicer extension itself takes",
    rows=("open a case", "show a proposal", "keep unsaved work", "check and send"),
    columns=tuple(_COLUMNS),
    seeds=(0, 1, 2),
    measure=measure,
    metrics={"in all": "s, from the click to the end", "main thread": "s, the longest that Slicer could not react"},
    note="Goal: from the click to the shown segmentation below 1 s without the network's inference. A server on the same "
    "machine answers at once with a file; the scene is Slicer's MRML without its window, so drawing is not in it. An image "
    "of float32 noise hardly packs: 33 MB are unpacked and read.",
)
