"""The one training loop of the project and its progress, for whatever a network learns: labels, styles, classes."""

from crosslabel.optimisation.averaging import MovingAverage
from crosslabel.optimisation.loop import RESUME_FILE, Outcome, TrainingLoop
from crosslabel.optimisation.objective import Objective
from crosslabel.optimisation.progress import ProgressEvent, ProgressFile, State, read_curves, read_progress
from crosslabel.optimisation.settings import LoopSettings

__all__ = [
    "RESUME_FILE",
    "LoopSettings",
    "MovingAverage",
    "Objective",
    "Outcome",
    "ProgressEvent",
    "ProgressFile",
    "State",
    "TrainingLoop",
    "read_curves",
    "read_progress",
]
