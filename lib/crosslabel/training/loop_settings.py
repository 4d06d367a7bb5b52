"""What of a task's training settings the loop needs."""

from __future__ import annotations

from crosslabel.optimisation.settings import LoopSettings
from crosslabel.tasks import TaskSpec


def loop_settings(task: TaskSpec) -> LoopSettings:
    """The part of a task's training settings that the loop needs."""
    names = LoopSettings.__dataclass_fields__
    return LoopSettings(**{name: getattr(task.training, name) for name in names})
