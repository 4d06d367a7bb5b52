"""Serving a folder of studies."""

from __future__ import annotations

import json
import os
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from crosslabel import paths
from crosslabel.errors import CrossLabelError, NotFoundError
from crosslabel.server.logs import set_up_logs
from crosslabel.server.remedies import prepare_environment
from crosslabel.server.security.exposure import check_exposure, is_loopback
from crosslabel.server.security.tokens import TokenStore
from crosslabel.server.settings import Settings
from crosslabel.server.sources import sources_as_text
from crosslabel.server.temporary import own_temporary_folder
from crosslabel.store.audit import AuditLog
from crosslabel.store.folders import Folders
from crosslabel.tasks import load_tasks

# A volume that is being segmented gets this long to be answered when the server is told to stop.
_SECONDS_TO_FINISH = 60


@dataclass(frozen=True)
class Listener:
    """Where the server listens and what guards it.

    Attributes:
        host: address to listen on; the default reaches this machine only.
        port: port to listen on; 0 picks a free one.
        certificate: TLS certificate with its chain, PEM.
        key: its key, PEM; ``None`` where the certificate's file holds it.
        require_token: ask for a token on this machine too, as behind a proxy.
        insecure: let other machines in without TLS, and unless a token is required, without a token.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    certificate: Path | None = None
    key: Path | None = None
    require_token: bool = False
    insecure: bool = False

    @property
    def address(self) -> str:
        """URL of the server."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'http' if self.certificate is None else 'https'}://{host}:{self.port}"


def serve(
    studies: Path,
    listener: Listener,
    tasks: Sequence[str] | None = None,
    settings: Settings | None = None,
    log_file: Path | None = None,
) -> None:
    """Serve until interrupted.

    Args:
        studies: folder of images; labels are written to ``labels/`` in it.
        listener: where, and guarded by what.
        tasks: names of the tasks to serve; all if ``None``.
        settings: limits and policies.
        log_file: JSON lines of every request, rotated; ``None`` for warnings on the terminal alone.

    Raises:
        CrossLabelError: folder, port, certificate, tasks or installed packages are wrong, or other machines could reach an
            unprotected server; said before anything is loaded.
    """
    folder = _folder(studies)
    tokens = _tokens(listener)
    _check_certificate(listener)
    listener = _with_free_port(listener)
    load_tasks(paths.tasks_dir(), tasks)
    settings = settings or Settings()
    _set_environment(folder, listener.port, tasks, settings)
    prepare_environment()
    set_up_logs(log_file)
    with own_temporary_folder():
        _run(folder, listener, settings, tokens)


def _run(studies: Path, listener: Listener, settings: Settings, tokens: TokenStore | None) -> None:
    # MONAI Label reads its settings from the environment when it is imported.
    import uvicorn
    from monailabel.interfaces.utils.app import app_instance

    from crosslabel.server.asgi import create_app

    class Announcing(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                print(f"CrossLabel serves {studies} at {listener.address} (Ctrl+C stops it).", flush=True)

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            for connection in list(self.server_state.connections):
                # TLS would wait 30 s for the farewell of every client that keeps a connection for later.
                if connection.cycle is None or connection.cycle.response_complete:
                    connection.transport.abort()
            await super().shutdown(sockets)

    # Built here and not when uvicorn starts, so that what is wrong with the studies is one sentence.
    app_instance()
    audit = AuditLog(Folders(studies).audit, clock=lambda: datetime.now(timezone.utc))
    audit.write("server", "start", tokens_required=tokens is not None)
    config = uvicorn.Config(
        create_app(settings, audit, tokens, loopback_only=tokens is None and is_loopback(listener.host)),
        host=listener.host,
        port=listener.port,
        ssl_certfile=listener.certificate,
        ssl_keyfile=listener.key,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_SECONDS_TO_FINISH,
    )
    server = Announcing(config)
    server.run()
    if not server.started:
        raise CrossLabelError("The server could not start; the lines above say why.")
    audit.write("server", "stop")


def _folder(studies: Path) -> Path:
    folder = Path(studies).expanduser().resolve()
    if not folder.is_dir():
        raise NotFoundError(f"The studies folder {folder} does not exist; create it or give another with --studies.")
    if not os.access(folder, os.W_OK):
        raise CrossLabelError(f"The studies folder {folder} cannot be written to, so no label can be saved; make it writable.")
    return folder


def _tokens(listener: Listener) -> TokenStore | None:
    tokens = TokenStore(paths.security_dir())
    required = check_exposure(
        listener.host,
        tls=listener.certificate is not None,
        tokens=bool(tokens.valid()),
        require_token=listener.require_token,
        insecure=listener.insecure,
    )
    return tokens if required else None


def _check_certificate(listener: Listener) -> None:
    if listener.certificate is None:
        if listener.key is not None:
            raise CrossLabelError("A key needs its certificate; give --certificate too.")
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(listener.certificate, listener.key, password="")
    except OSError as error:
        reason = getattr(error, "reason", None) or error.strerror
        raise CrossLabelError(
            f"The certificate {listener.certificate} cannot be used with its key ({reason}); give PEM files that belong "
            "together, without a password, as --certificate and --key."
        ) from error


def _with_free_port(listener: Listener) -> Listener:
    if not 0 <= listener.port <= 65535:
        raise CrossLabelError(f"Port {listener.port} does not exist; give one from 0 to 65535 with --port.")
    family = socket.AF_INET6 if ":" in listener.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the server does: a port whose last connections are still closing can be used.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((listener.host, listener.port))
        except OSError as error:
            raise CrossLabelError(
                f"Cannot listen on {listener.address} ({error.strerror}); stop what uses it, or give another --host or --port."
            ) from error
        return replace(listener, port=probe.getsockname()[1])


def _set_environment(studies: Path, port: int, tasks: Sequence[str] | None, settings: Settings) -> None:
    """Settings for this process and for the background processes that it starts."""
    os.environ.update(
        MONAI_LABEL_APP_DIR=str(paths.app_dir()),
        MONAI_LABEL_STUDIES=str(studies),
        MONAI_LABEL_SERVER_PORT=str(port),
        MONAI_LABEL_APP_CONF=json.dumps(
            {
                "tasks": ",".join(tasks or ()),
                "train_on": settings.train_on,
                "sources": sources_as_text(settings.sources),
            }
        ),
    )
