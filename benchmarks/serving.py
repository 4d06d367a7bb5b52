"""A real server process to measure."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import requests
import SimpleITK as sitk


@dataclass(frozen=True)
class Served:
    """A running server: its URL and its process."""

    address: str
    process: int


@contextmanager
def served(studies: Path, **variables: str) -> Iterator[Served]:
    """``crosslabel serve`` on a folder until the context ends, with further environment variables.

    On a port that nobody has, so that no server which outlived another measurement answers in its place.
    """
    port = _unused_port()
    address = f"http://127.0.0.1:{port}"
    command = [Path(sys.executable).with_name("crosslabel"), "serve", "--studies", str(studies), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, **variables})
    try:
        _wait(process, address)
        yield Served(address, process.pid)
    finally:
        process.terminate()
        process.wait(60)


def _unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(process: subprocess.Popen, address: str, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            if requests.get(f"{address}/health", timeout=10).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.2)
    raise RuntimeError(f"the server did not start within {seconds:g} s")


def write_volumes(folder: Path, names: Sequence[str], seed: int) -> None:
    """Small volumes of noise, 36x48x40 voxels at 3 mm, for servers whose answers do not matter."""
    folder.mkdir()
    rng = np.random.default_rng(seed)
    for name in names:
        volume = sitk.GetImageFromArray(rng.normal(100, 20, (40, 48, 36)).astype(np.float32))
        volume.SetSpacing((3.0, 3.0, 3.0))
        sitk.WriteImage(volume, str(folder / f"{name}.nii.gz"))
