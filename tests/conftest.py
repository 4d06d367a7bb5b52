"""Fixtures that several packages' tests share."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest
import torch

from guarded_server import GuardedServer, guarded_server
from server_process import ALLOWED_ORIGIN, Server, running_server

# The networks of tests are tiny: a second thread costs more than it gives, and sums in another order make other weights.
torch.set_num_threads(1)


@pytest.fixture
def free_port() -> int:
    return _free_port()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """``crosslabel serve`` on a folder of small studies; one process for the whole test session."""
    root = tmp_path_factory.mktemp("server")
    with running_server(root, _free_port(), MONAI_LABEL_CORS_ORIGINS=json.dumps([ALLOWED_ORIGIN])) as running:
        yield running


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedServer]:
    """The same with TLS, a token for each role, a small upload limit and a log file, as on a hospital network."""
    with guarded_server(tmp_path_factory.mktemp("guarded"), _free_port()) as running:
        yield running


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
