"""``crosslabel doctor``."""

from __future__ import annotations

import typer

from crosslabel.cli.console import print_json, stdout
from crosslabel.cli.options import JsonOption
from crosslabel.cli.resources import model_store
from crosslabel.paths import models_dir, tasks_dir

_STYLES = {"ok": "green", "note": "yellow", "broken": "red"}


def doctor(as_json: JsonOption = False) -> None:
    """Check versions, GPU, known conflicts, tasks and checkpoints, and say how to mend each.

    Ends with status 1 when something is broken; a note is worth knowing and hinders nothing.
    """
    from crosslabel.cli.diagnosis import Level, diagnose

    findings = diagnose(tasks_dir(), models_dir(), model_store())
    if as_json:
        print_json([finding.as_json() for finding in findings])
    else:
        for finding in findings:
            style = _STYLES[finding.level.value]
            stdout().print(f"[{style}]{finding.level.value:>6}[/{style}]", end="  ")
            stdout().print(finding.sentence, markup=False, highlight=False, soft_wrap=True)
    if any(finding.level is Level.BROKEN for finding in findings):
        raise typer.Exit(1)
