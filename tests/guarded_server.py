"""A real server as on a hospital network: TLS, tokens, limits, a log file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import trustme
from monailabel.client import MONAILabelClient

from crosslabel.server.security.roles import Role
from crosslabel.server.security.tokens import TokenStore
from server_process import Server, running_server

MAX_UPLOAD = 3_000_000


@dataclass(frozen=True)
class GuardedServer:
    """A running server and what is needed to ask it.

    Attributes:
        server: its address and folders.
        authority: certificate of who signed the server's.
        tokens: one for each role.
        store: where they are kept.
        log: JSON lines.
    """

    server: Server
    authority: Path
    tokens: dict[Role, str]
    store: TokenStore
    log: Path

    def ask(self, method: str, path: str, role: Role | None = None, **options: Any) -> requests.Response:
        """A request with the token of a role, or without one."""
        headers = options.pop("headers", {})
        if role is not None:
            headers = {"Authorization": f"Bearer {self.tokens[role]}", **headers}
        return requests.request(
            method,
            self.server.url + path,
            headers=headers,
            verify=str(self.authority),
            timeout=60,
            allow_redirects=False,
            **options,
        )

    def client(self, token: str) -> MONAILabelClient:
        """The stock client after its log-in."""
        client = MONAILabelClient(self.server.url, tmpdir=str(self.server.clients))
        client.update_auth(client.auth_token("any name", token))
        return client


@contextmanager
def guarded_server(root: Path, port: int) -> Iterator[GuardedServer]:
    """``crosslabel serve --require-token`` with a certificate that was made for it."""
    authority, log = trustme.CA(), root / "logs" / "server.jsonl"
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    authority.cert_pem.write_to_path(root / "authority.pem")
    certificate.private_key_and_cert_chain_pem.write_to_path(root / "server.pem")
    store = TokenStore(root / "models" / "security")
    tokens = {role: store.add(f"test {role.value}", role) for role in Role}
    options = {
        "--certificate": str(root / "server.pem"),
        "--log-file": str(log),
        "--max-upload": str(MAX_UPLOAD / 1e9),
        "--identities": "refuse",
    }
    flat = [part for pair in options.items() for part in pair]
    with running_server(root, port, "--require-token", *flat, REQUESTS_CA_BUNDLE=str(root / "authority.pem")) as server:
        yield GuardedServer(server, root / "authority.pem", tokens, store, log)
