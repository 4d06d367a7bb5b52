"""A server on this computer, for who wants to try things out or works alone."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from CrossLabelLib.client.errors import ServerError
from CrossLabelLib.client.job import Job
from CrossLabelLib.client.transport import Transport

_COMMAND = "crosslabel"
# Slicer sets these for its own Python; another one would not start with them.
_OF_SLICER = ("PYTHONHOME", "PYTHONPATH", "PYTHONNOUSERSITE", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "QT_PLUGIN_PATH")
_SECONDS_TO_START = 180.0
_SECONDS_TO_END = 15.0


class LocalServer:
    """Starts ``crosslabel serve`` where the command is installed, and ends it with Slicer.

    Args:
        environment: of the server's process, in Slicer ``slicer.util.startupEnvironment()``; by default this process's
            without what Slicer adds.
        command: the program; by default the ``crosslabel`` that is found in the environment's PATH.
    """

    def __init__(self, environment: Mapping[str, str] | None = None, command: str = "") -> None:
        own = {name: value for name, value in os.environ.items() if name not in _OF_SLICER}
        self._environment = dict(own if environment is None else environment)
        self.command = command or shutil.which(_COMMAND, path=self._environment.get("PATH")) or ""
        self._process: subprocess.Popen[bytes] | None = None
        self._log: Path | None = None

    @property
    def available(self) -> bool:
        """Whether the command is installed."""
        return bool(self.command)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, studies: Path, job: Job, source: Path | None = None) -> str:
        """Serve a folder on a free port, wait until it answers, and return the address; for a thread.

        Args:
            studies: folder with images.
            job: cancels it.
            source: folder of labelled images that tasks can be adapted from, offered by its name.

        Raises:
            ServerError: the command is not installed, or the server did not start.
        """
        if not self.available:
            raise ServerError(
                "The command 'crosslabel' is not installed on this computer; install it as CrossLabel's README says.", "missing"
            )
        self.stop()
        port = _free_port()
        self._log = Path(tempfile.mkdtemp(prefix="crosslabel-server-")) / "server.log"
        command = [self.command, "serve", "--studies", str(studies), "--port", str(port)]
        if source is not None:
            command += ["--source", f"{source.name.replace('=', '-') or 'labelled'}={source}"]
        with self._log.open("wb") as log:
            options = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": subprocess.STDOUT}
            # Windows would open a console, and whoever closes that ends the server.
            hidden = getattr(subprocess, "CREATE_NO_WINDOW", 0)
            try:
                self._process = subprocess.Popen(command, env=self._environment, creationflags=hidden, **options)
            except OSError as error:
                raise ServerError(f"The server cannot be started: {error.strerror}.", "refused") from error
        url = f"http://127.0.0.1:{port}"
        try:
            self._wait(Transport(url, timeouts=(1.0, 5.0)), job)
        except ServerError:
            self.stop()
            raise
        return url

    def stop(self) -> None:
        """End the server; what it was told to keep is on disk."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(_SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._log is not None:
            shutil.rmtree(self._log.parent, ignore_errors=True)
            self._log = None

    def _wait(self, transport: Transport, job: Job) -> None:
        deadline = time.monotonic() + _SECONDS_TO_START
        while time.monotonic() < deadline:
            if not self.running:
                raise ServerError(f"The server did not start: {self._last_words()}", "refused")
            try:
                transport.json("GET", "/health", job=job, again=False)
            except ServerError as error:
                if error.kind == "cancelled":
                    raise
                job.sleep(0.3)
            else:
                return
        raise ServerError("The server did not start in time; start it in a terminal to see why.", "timeout")

    def _last_words(self) -> str:
        lines = self._log.read_text("utf-8", "replace").strip().splitlines() if self._log is not None else []
        return lines[-1].strip() if lines else "it said nothing."


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
