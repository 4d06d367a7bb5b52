"""How a command fails: one line on stderr and status 1, for every command in one place."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from crosslabel.cli.console import stderr
from crosslabel.errors import CrossLabelError


class OneLineFailures(TyperGroup):
    """A group of commands that prints an error as one line; ``--debug`` shows the trace instead."""

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            # typer's own usage errors know how to show themselves, with the usage of the command.
            if ctx.params.get("debug") or callable(getattr(error, "show", None)):
                raise
            message = str(error) if isinstance(error, CrossLabelError) else _unforeseen(error)
            stderr().print(message, style="red", markup=False, highlight=False, soft_wrap=True)
            raise typer.Exit(1) from error


def _unforeseen(error: Exception) -> str:
    """What the machine refuses, a defect of CrossLabel, or something of the machine that nobody thought of."""
    if isinstance(error, OSError) and error.strerror and (place := error.filename2 or error.filename):
        return f"{place}: {error.strerror}; check the path and whether you may write there."
    text = " ".join(str(error).split())
    kind = type(error).__name__
    return f"Unexpected {kind}: {text} - 'crosslabel --debug ...' shows the whole trace; please report it."
