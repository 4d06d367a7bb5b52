"""Where the commands write: results to stdout, progress and complaints to stderr."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console


def stdout() -> Console:
    """The console for results."""
    from rich.console import Console

    return Console()


def stderr() -> Console:
    """The console for progress and complaints, so that a result can be piped on."""
    from rich.console import Console

    return Console(stderr=True)


def print_json(content: Any) -> None:
    """Print JSON as plain text: rich would break long lines at the width of the terminal."""
    typer.echo(json.dumps(content, indent=2))
