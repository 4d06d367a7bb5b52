"""Whether the server can do its work; nothing of what it holds."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from pydantic import BaseModel

_LEAST_FREE_BYTES = 2**30


class Health(BaseModel):
    """``ready`` when every check is; an answer of any kind means that the server lives."""

    ready: bool
    checks: dict[str, bool]


def check_health(studies: Path, tasks: int) -> Health:
    """Look at what the server needs.

    Args:
        studies: folder that labels are saved to.
        tasks: number of tasks that are served.
    """
    checks = {
        "tasks": tasks > 0,
        "studies_writable": os.access(studies, os.W_OK | os.X_OK),
        "disk_space": all(_has_space(place) for place in (studies, Path(tempfile.gettempdir()))),
    }
    return Health(ready=all(checks.values()), checks=checks)


def _has_space(place: Path) -> bool:
    try:
        return shutil.disk_usage(place).free >= _LEAST_FREE_BYTES
    except OSError:
        return False
