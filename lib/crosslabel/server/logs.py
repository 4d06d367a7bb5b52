"""The server's own log: sentences on the terminal, or one JSON object each in a file that is rotated."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timezone
from logging.handlers import RotatingFileHandler
from pathlib import Path

from crosslabel.errors import CrossLabelError
from crosslabel.server import request_ids

_MAX_BYTES = 10 * 2**20
_KEPT_FILES = 9
_FIELDS = ("method", "route", "status", "milliseconds", "caller")


class JsonLines(logging.Formatter):
    """One JSON object for each entry, with the id of the request that it belongs to."""

    def format(self, record: logging.LogRecord) -> str:
        """The entry as one line."""
        content = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request_ids.current() or None,
            **{name: getattr(record, name, None) for name in _FIELDS},
            "trace": self.formatException(record.exc_info) if record.exc_info else None,
        }
        return json.dumps({name: value for name, value in content.items() if value is not None})


class _Sentences(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        request_id = request_ids.current()
        return super().format(record) + (f" (request {request_id})" if request_id else "")


def set_up_logs(file: Path | None) -> None:
    """Warnings to the terminal; with a file, also every request and what the parts of the server tell.

    Args:
        file: written anew at 10 MiB, the nine before it are kept; its folder is made.

    Raises:
        CrossLabelError: the file cannot be written.
    """
    terminal = logging.StreamHandler()
    terminal.setLevel(logging.WARNING)
    terminal.setFormatter(_Sentences("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(terminal)
    # It brings a handler of its own to say that its job of cleaning up sessions runs.
    logging.getLogger("timeloop").addFilter(lambda record: record.levelno >= logging.WARNING)
    if file is None:
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(file, maxBytes=_MAX_BYTES, backupCount=_KEPT_FILES, encoding="utf-8")
    except OSError as error:
        raise CrossLabelError(f"The log {file} cannot be written ({error.strerror}); give another --log-file.") from error
    handler.setFormatter(JsonLines())
    root.addHandler(handler)
    # MONAI Label tells at this level which image is saved under which name.
    logging.getLogger("crosslabel").setLevel(logging.INFO)
