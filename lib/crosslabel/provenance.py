"""Which code runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[2]


def code_commit() -> str | None:
    """Commit of the source checkout that runs, ``None`` for an installed wheel."""
    if not (_CHECKOUT / ".git").exists():
        return None
    try:
        answer = subprocess.run(
            ["git", "-C", str(_CHECKOUT), "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
