"""Tasks as files: one YAML file declares what is annotated, on which images, and how."""

from crosslabel.tasks.classification_settings import AugmentationSpec, BalanceSpec, TransferSpec, TrustSpec
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
    "AugmentationSpec",
    "BalanceSpec",
    "DomainSpec",
    "Eligibility",
    "Fingerprint",
    "IntensityRule",
    "LabelSpec",
    "NetworkSpec",
    "PercentileRule",
    "TaskSpec",
    "TrainingSpec",
    "TransferSpec",
    "TrustSpec",
    "WindowRule",
    "ZScoreRule",
    "draft_task",
    "load_task",
    "load_tasks",
]
