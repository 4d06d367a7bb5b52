"""Fixtures that several packages' tests share."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing

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
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """``crosslabel serve`` on a folder of small studies; one process for the whole test session."""
    root = tmp_path_factory.mktemp("server")
    with running_server(root, unused_port(), MONAI_LABEL_CORS_ORIGINS=json.dumps([ALLOWED_ORIGIN])) as running:
        yield running


@pytest.fixture
def server(shared_server: Server) -> Iterator[Server]:
    """The shared server; cases that were handed out in a test are given back at its end, or the next test's pool lacks them."""
    yield shared_server
    with closing(sqlite3.connect(shared_server.studies / ".crosslabel" / "store.sqlite", timeout=30)) as database, database:
        database.execute("DELETE FROM leases")


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedServer]:
    """The same with TLS, a token for each role, a small upload limit and a log file, as on a hospital network."""
    with guarded_server(tmp_path_factory.mktemp("guarded"), unused_port()) as running:
        yield running
