"""Fixtures that several packages' tests share."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import torch

from guarded_server import GuardedServer, guarded_server
from server_process import ALLOWED_ORIGIN, Server, running_server, unused_port

# The networks of tests are tiny: a second thread costs more than it gives, and sums in another order make other weights.
torch.set_num_threads(1)


@pytest.fixture
def free_port() -> int:
    return unused_port()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """``crosslabel serve`` on a folder of small studies; one process for the whole test session."""
    root = tmp_path_factory.mktemp("server")
    with running_server(root, unused_port(), MONAI_LABEL_CORS_ORIGINS=json.dumps([ALLOWED_ORIGIN])) as running:
        yield running


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedServer]:
    """The same with TLS, a token for each role, a small upload limit and a log file, as on a hospital network."""
    with guarded_server(tmp_path_factory.mktemp("guarded"), unused_port()) as running:
        yield running
