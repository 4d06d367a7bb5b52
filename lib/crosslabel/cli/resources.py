"""Tasks and checkpoints as a person names them on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from crosslabel.paths import models_dir, sample_data_dir, tasks_dir

if TYPE_CHECKING:
    from crosslabel.checkpoints import ModelStore
    from crosslabel.tasks import TaskSpec


def task_named(name_or_file: str) -> TaskSpec:
    """A shipped task by its name, or any task by the path of its file.

    Raises:
        NotFoundError: there is no such task.
        TaskError: the file is wrong.
    """
    from crosslabel.tasks import load_task, load_tasks

    if name_or_file.endswith((".yaml", ".yml")):
        return load_task(Path(name_or_file))
    return load_tasks(tasks_dir(), [name_or_file])[name_or_file]


def model_store() -> ModelStore:
    """The trained checkpoints, with the demonstration checkpoints behind them."""
    from crosslabel.checkpoints import ModelStore

    return ModelStore(models_dir(), sample_data_dir() / "checkpoints")
