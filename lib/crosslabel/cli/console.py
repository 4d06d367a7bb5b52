"""Where the commands write: results to stdout, progress and complaints to stderr."""

from __future__ import annotations

import json
from collections.abc import Mapping
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


def print_warning(sentence: str, console: Console | None = None) -> None:
    """Say what to look at, on stderr's console if no other is given."""
    (console or stderr()).print(sentence, style="yellow", markup=False, highlight=False, soft_wrap=True)


def print_set_aside(reasons: Mapping[str, str], console: Console | None = None) -> None:
    """Name the cases that cannot be used, each with why."""
    for name, reason in reasons.items():
        print_warning(f"set aside: {name}: {reason}", console)


def print_json(content: Any) -> None:
    """Print JSON as plain text: rich would break long lines at the width of the terminal."""
    typer.echo(json.dumps(content, indent=2))
