"""Connections that notice when the other machine is gone."""

from __future__ import annotations

import socket
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection

_IDLE_SECONDS = 15


class AliveAdapter(HTTPAdapter):
    """Asks a silent peer for a sign of life, so that a pulled cable ends a long wait in a minute instead of at its end."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        alive = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
        for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL"):
            # Not every system can be told the seconds.
            if hasattr(socket, name):
                alive.append((socket.IPPROTO_TCP, getattr(socket, name), _IDLE_SECONDS))
        options["socket_options"] = [*HTTPConnection.default_socket_options, *alive]
        super().init_poolmanager(*arguments, **options)
