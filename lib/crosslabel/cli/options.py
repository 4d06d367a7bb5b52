"""Options that several commands share."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer


class LabelsAs(str, Enum):
    """Whose values the label files hold."""

    TASK = "task"
    DATASET = "dataset"


LabelsAsOption = Annotated[
    LabelsAs,
    typer.Option(help="Labels hold the data set's values, which the task translates, or the task's own."),
]
TaskArgument = Annotated[str, typer.Argument(help="Name of a task, or path of a task file.")]
DeviceOption = Annotated[str, typer.Option(help="Where to compute: auto, cpu, cuda, cuda:1, mps.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a machine to read.")]
