"""The one training loop of the project, and the jobs that run it."""

from crosslabel.training.job import TrainingJob
from crosslabel.training.loop import RESUME_FILE, LoopSettings, Objective, Outcome, TrainingLoop
from crosslabel.training.progress import ProgressEvent, ProgressFile, State, read_progress

__all__ = [
    "RESUME_FILE",
    "LoopSettings",
    "Objective",
    "Outcome",
    "ProgressEvent",
    "ProgressFile",
    "State",
    "TrainingJob",
    "TrainingLoop",
    "read_progress",
]
