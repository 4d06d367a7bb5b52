"""What is trained and how it is run as a job; the loop itself is in :mod:`crosslabel.optimisation`."""

from crosslabel.optimisation import (
    RESUME_FILE,
    LoopSettings,
    Objective,
    Outcome,
    ProgressEvent,
    ProgressFile,
    State,
    TrainingLoop,
    read_curves,
    read_progress,
)
from crosslabel.training.job import Job, was_stopped
from crosslabel.training.training_job import TrainingJob

__all__ = [
    "RESUME_FILE",
    "Job",
    "LoopSettings",
    "Objective",
    "Outcome",
    "ProgressEvent",
    "ProgressFile",
    "State",
    "TrainingJob",
    "TrainingLoop",
    "read_curves",
    "read_progress",
    "was_stopped",
]
