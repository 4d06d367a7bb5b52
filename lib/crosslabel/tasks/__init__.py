"""Tasks as files: one YAML file declares what is annotated, on which images, and how."""

from crosslabel.tasks.draft import Fingerprint, draft_task
from crosslabel.tasks.loading import load_task, load_tasks
from crosslabel.tasks.settings import (
    DomainSpec,
    IntensityRule,
    LabelSpec,
    NetworkSpec,
    PercentileRule,
    TrainingSpec,
    WindowRule,
    ZScoreRule,
)
from crosslabel.tasks.spec import Eligibility, TaskSpec

__all__ = [
    "DomainSpec",
    "Eligibility",
    "Fingerprint",
    "IntensityRule",
    "LabelSpec",
    "NetworkSpec",
    "PercentileRule",
    "TaskSpec",
    "TrainingSpec",
    "WindowRule",
    "ZScoreRule",
    "draft_task",
    "load_task",
    "load_tasks",
]
