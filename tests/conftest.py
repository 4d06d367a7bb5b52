"""Fixtures that several packages' tests share."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator

import pytest

from server_process import (
    ALLOWED_ORIGIN,
    Server,
    environment,
    publish_random_weights,
    wait_until_up,
    write_studies,
    write_tasks,
)


@pytest.fixture
def free_port() -> int:
    return _free_port()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """``crosslabel serve`` on a folder of small studies; one process for the whole test session."""
    root = tmp_path_factory.mktemp("server")
    tasks, studies = write_tasks(root / "tasks"), write_studies(root / "studies")
    models, clients = publish_random_weights(root / "models"), root / "clients"
    clients.mkdir()
    port, log = _free_port(), root / "server.log"
    command = ["crosslabel", "serve", "--studies", str(studies), "--port", str(port)]
    variables = environment(
        root,
        CROSSLABEL_TASKS=str(tasks),
        CROSSLABEL_MODELS=str(models),
        MONAI_LABEL_CORS_ORIGINS=json.dumps([ALLOWED_ORIGIN]),
    )
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=variables, cwd=root)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_up(process, url, log)
        yield Server(url, studies, models, root / "tmp", clients, log)
    finally:
        process.terminate()
        process.wait(30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
