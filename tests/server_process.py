"""A real server process on a real port, and the studies it serves."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import requests
import SimpleITK as sitk
import torch
import yaml
from monailabel.client import MONAILabelClient
from PIL import Image as Picture
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from crosslabel.checkpoints import ModelStore
from crosslabel.store import Store
from crosslabel.store.switches import Switch
from crosslabel.tasks import TaskSpec
from crosslabel.tasks.building import network_of
from tiny import blobs, classification_task, segmentation_task
from waiting import PATIENCE

# What a server in use would take from the shell; a fresh machine has none of it.
_UNSET = ("PYTHONPATH", "CROSSLABEL_TASKS", "CROSSLABEL_MODELS", "TMPDIR")
ALLOWED_ORIGIN = "http://viewer.example"
_OBLIQUE = (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Server:
    """A running server: its address and the folders it uses."""

    url: str
    studies: Path
    models: Path
    temporary: Path
    clients: Path
    log: Path
    process: int

    @property
    def client(self) -> MONAILabelClient:
        return MONAILabelClient(self.url, tmpdir=str(self.clients))

    def get(self, path: str, **options: Any) -> requests.Response:
        return requests.get(self.url + path, timeout=60, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        return requests.post(self.url + path, timeout=60, **options)

    def put(self, path: str, **options: Any) -> requests.Response:
        return requests.put(self.url + path, timeout=60, **options)

    def delete(self, path: str) -> requests.Response:
        return requests.delete(self.url + path, timeout=60)

    def delete_label(self, image: str) -> None:
        self.delete(f"/datastore/label?id={image}&tag=final").raise_for_status()

    def infer(self, task: str, image: str = "", **options: Any) -> requests.Response:
        return self.post(f"/infer/{task}", params={"image": image}, **options)

    def files_of_studies(self) -> list[str]:
        """Images and labels; neither the store's own folder nor what is written for other tools, some time later."""
        files = (path.relative_to(self.studies) for path in self.studies.rglob("*"))
        exported = {("labels", "final"), ("datastore_v2.json",)}
        return sorted(str(path) for path in files if path.parts[0][0] != "." and path.parts[:2] not in exported)

    def left_behind(self) -> list[str]:
        """What a request left in the server's temporary folder."""
        return sorted(path.name for path in self.temporary.glob("crosslabel-server-*/*"))


def tasks_of_the_tests() -> dict[str, TaskSpec]:
    """A segmentation, a classification, and a segmentation that has no checkpoint."""
    tasks = (segmentation_task(), classification_task(), segmentation_task(name="tiny_untrained"))
    return {task.name: task for task in tasks}


def write_tasks(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name, task in tasks_of_the_tests().items():
        content = task.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        (folder / f"{name}.yaml").write_text(yaml.safe_dump({"schema": 1, **content}))
    return folder


def publish_random_weights(folder: Path) -> Path:
    store, tasks = ModelStore(folder), tasks_of_the_tests()
    for name in ("tiny_segmentation", "tiny_classification"):
        torch.manual_seed(0)
        store.publish(tasks[name], network_of(tasks[name]).state_dict(), {"data": "none: random weights for a test"})
    return folder


def write_studies(folder: Path) -> Path:
    """Volumes, pictures and a DICOM series that can be read, and what is met in real folders and cannot."""
    folder.mkdir(parents=True)
    for seed in range(4):
        volume = sitk.GetImageFromArray(blobs(seed)[0].T)
        volume.SetSpacing((2.0, 2.0, 3.0))
        volume.SetOrigin((-31.5, 12.25, 80.0))
        volume.SetDirection(_OBLIQUE)
        suffix = ".nrrd" if seed == 3 else ".nii.gz"
        sitk.WriteImage(volume, str(folder / f"mr_{seed}{suffix}"))
    rng = np.random.default_rng(0)
    for name, offset in (("bright_0", 150), ("bright_1", 140), ("dark_0", 0), ("dark_1", 10)):
        Picture.fromarray((rng.integers(0, 60, (40, 36)) + offset).astype(np.uint8)).save(folder / f"{name}.png")
    write_series(folder / "mr_series", "MR")
    write_series(folder / "two_series", "MR")
    write_series(folder / "two_series", "MR")
    whole = (folder / "mr_0.nii.gz").read_bytes()
    (folder / "mr_truncated.nii.gz").write_bytes(whole[: len(whole) // 2])
    (folder / "mr_empty.nii.gz").touch()
    (folder / "mr_text.nii.gz").write_text("not an image")
    (folder / "._mr_0.nii.gz").write_bytes(b"companion of macOS")
    return folder


def write_series(folder: Path, modality: str, slices: int = 6) -> Path:
    folder.mkdir(exist_ok=True)
    series = generate_uid()
    for number in range(slices):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        path = folder / f"{series}-{number}.dcm"
        slice_ = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
        slice_.is_little_endian, slice_.is_implicit_VR = True, False
        slice_.SOPClassUID, slice_.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        slice_.StudyInstanceUID, slice_.SeriesInstanceUID, slice_.Modality = "1.2", series, modality
        slice_.ImagePositionPatient, slice_.ImageOrientationPatient = [0, 0, 3 * number], [1, 0, 0, 0, 1, 0]
        slice_.PixelSpacing, slice_.SliceThickness, slice_.InstanceNumber = [2, 2], 3, number + 1
        slice_.Rows, slice_.Columns, slice_.SamplesPerPixel = 20, 24, 1
        slice_.PhotometricInterpretation = "MONOCHROME2"
        slice_.BitsAllocated = slice_.BitsStored = 16
        slice_.HighBit, slice_.PixelRepresentation = 15, 1
        slice_.PixelData = np.full((20, 24), 100 * number, np.int16).tobytes()
        slice_.save_as(path, write_like_original=False)
    return folder


def environment(root: Path, **values: str) -> dict[str, str]:
    """The environment of a fresh shell, with everything that is written kept below ``root``."""
    temporary = root / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if name not in _UNSET}
    return {
        **kept,
        # The console scripts of the environment that the tests run in, also where it is not activated.
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), kept.get("PATH", ""))),
        "TMPDIR": str(temporary),
        "MONAI_LABEL_SESSION_PATH": str(root / "sessions"),
        "OMP_NUM_THREADS": "1",
        **values,
    }


@contextmanager
def running_server(root: Path, port: int, *options: str, **variables: str) -> Iterator[Server]:
    """``crosslabel serve`` on small studies below ``root``, with further options and environment variables.

    It does not learn by itself: many tests share it, and a label of one of them would train a model beside the others.
    """
    write_tasks(root / "tasks")
    with Store(write_studies(root / "studies")) as store:
        for name in tasks_of_the_tests():
            store.switches.set(name, Switch.OFF, author="the tests")
    publish_random_weights(root / "models")
    with serving(root, port, *options, **variables) as server:
        yield server


@contextmanager
def serving(root: Path, port: int, *options: str, **variables: str) -> Iterator[Server]:
    """The same on the ``tasks``, ``studies`` and ``models`` that lie below ``root``."""
    tasks, studies, models, clients = (root / name for name in ("tasks", "studies", "models", "clients"))
    clients.mkdir(exist_ok=True)
    log = root / "server.log"
    command = ["crosslabel", "serve", "--studies", str(studies), "--port", str(port), *options]
    variables = environment(root, CROSSLABEL_TASKS=str(tasks), CROSSLABEL_MODELS=str(models), **variables)
    url = f"{'https' if '--certificate' in options else 'http'}://127.0.0.1:{port}"
    with process_that_answers(command, f"{url}/health", log, variables) as process:
        yield Server(url, studies, models, root / "tmp", clients, log, process)


@contextmanager
def stock_server(root: Path, studies: Path, port: int, *options: str, **variables: str) -> Iterator[str]:
    """``monailabel start_server`` on ``root / "app"``: its address."""
    command = ["monailabel", "start_server", "--app", str(root / "app"), "--studies", str(studies), "--port", str(port)]
    command += ["--host", "127.0.0.1", *options]
    url = f"http://127.0.0.1:{port}"
    with process_that_answers(command, f"{url}/info/", root / "server.log", environment(root, **variables)):
        yield url


@contextmanager
def process_that_answers(command: list[str], address: str, log: Path, variables: dict[str, str]) -> Iterator[int]:
    """The number of a process, from when it answers at an address; what it writes is in the log, in whose folder it runs.

    Raises:
        RuntimeError: it died or did not answer in time; with the log.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=variables, cwd=log.parent)
    try:
        _wait_until_up(process, address, log, variables.get("REQUESTS_CA_BUNDLE"))
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)


def trainers(root: Path) -> list[psutil.Process]:
    """The background trainings of the ``models`` below ``root``, whoever their parent is."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        try:
            trains = "monailabel.interfaces.utils.app" in (process.info["cmdline"] or [])
            if trains and process.environ().get("CROSSLABEL_MODELS") == str(root / "models"):
                found.append(process)
        except psutil.Error:
            continue
    return found


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_until_up(process: subprocess.Popen[bytes], address: str, log: Path, verify: str | None) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(address, timeout=5, verify=verify).ok:
                return
        except requests.RequestException:
            time.sleep(0.1)
    raise RuntimeError(f"the server did not start:\n{log.read_text()}")
