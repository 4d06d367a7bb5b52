"""How a command fails: one line on stderr and status 1, for every command in one place."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from crosslabel.cli.console import stderr
from crosslabel.errors import CrossLabelError


class OneLineFailures(TyperGroup):
    """A group of commands that prints an error meant for users as one line, without a trace.

    Errors that CrossLabel did not foresee keep their trace, because whoever reports them needs it.
    """

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except CrossLabelError as error:
            if ctx.params.get("debug"):
                raise
            stderr().print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
            raise typer.Exit(1) from error
