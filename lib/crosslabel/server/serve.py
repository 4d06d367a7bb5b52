"""Serving a folder of studies."""

from __future__ import annotations

import json
import logging
import os
import socket
from collections.abc import Sequence
from pathlib import Path

from crosslabel import paths
from crosslabel.errors import CrossLabelError, NotFoundError
from crosslabel.server.remedies import prepare_environment
from crosslabel.tasks import load_tasks

logger = logging.getLogger(__name__)

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def serve(
    studies: Path,
    host: str = "127.0.0.1",
    port: int = 8000,
    tasks: Sequence[str] | None = None,
    models: Path | None = None,
) -> None:
    """Serve until interrupted.

    Args:
        studies: folder of images; labels are written to ``labels/`` in it.
        host: address to listen on; the default reaches this machine only.
        port: port to listen on; 0 picks a free one.
        tasks: names of the tasks to serve; all if ``None``.
        models: folder of the trained checkpoints; :func:`crosslabel.paths.models_dir` if ``None``.

    Raises:
        CrossLabelError: folder, port, tasks or installed packages are wrong; said before anything is loaded.
    """
    folder = _folder(studies)
    port = _listenable(host, port)
    load_tasks(paths.tasks_dir(), tasks)
    _set_environment(folder, port, tasks, models)
    prepare_environment()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # It brings a handler of its own to say that its job of cleaning up sessions runs.
    logging.getLogger("timeloop").addFilter(lambda record: record.levelno >= logging.WARNING)
    if host not in _LOOPBACK:
        logger.warning("Every machine that reaches %s can read and change the studies: there is no password.", host)
    _run(host, port, f"CrossLabel serves {folder} at {_address(host, port)} (Ctrl+C stops it).")


def _run(host: str, port: int, announcement: str) -> None:
    # MONAI Label reads its settings from the environment when it is imported.
    import uvicorn
    from monailabel.interfaces.utils.app import app_instance

    from crosslabel.server.asgi import create_app

    class Announcing(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                print(announcement, flush=True)

    # Built here and not when uvicorn starts, so that what is wrong with the studies is one sentence.
    app_instance()
    server = Announcing(uvicorn.Config(create_app(), host=host, port=port, log_level="warning", access_log=False))
    server.run()
    if not server.started:
        raise CrossLabelError("The server could not start; the lines above say why.")


def _folder(studies: Path) -> Path:
    folder = Path(studies).expanduser().resolve()
    if not folder.is_dir():
        raise NotFoundError(f"The studies folder {folder} does not exist; create it or give another with --studies.")
    if not os.access(folder, os.W_OK):
        raise CrossLabelError(f"The studies folder {folder} cannot be written to, so no label can be saved; make it writable.")
    return folder


def _listenable(host: str, port: int) -> int:
    if not 0 <= port <= 65535:
        raise CrossLabelError(f"Port {port} does not exist; give one from 0 to 65535 with --port.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the server does: a port whose last connections are still closing can be used.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CrossLabelError(
                f"Cannot listen on {_address(host, port)} ({error.strerror}); stop what uses it, or give "
                "another --host or --port."
            ) from error
        return probe.getsockname()[1]


def _set_environment(studies: Path, port: int, tasks: Sequence[str] | None, models: Path | None) -> None:
    """Settings for this process and for the background processes that it starts."""
    if models is not None:
        os.environ["CROSSLABEL_MODELS"] = str(Path(models).expanduser().resolve())
    os.environ.update(
        MONAI_LABEL_APP_DIR=str(paths.app_dir()),
        MONAI_LABEL_STUDIES=str(studies),
        MONAI_LABEL_SERVER_PORT=str(port),
        MONAI_LABEL_APP_CONF=json.dumps({"tasks": ",".join(tasks)} if tasks else {}),
    )


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
