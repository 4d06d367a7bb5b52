"""What lies between an image on disk and a network: orientation, spacing, intensity, and the way back."""

from crosslabel.preparation.intensity import scale_intensity
from crosslabel.preparation.preparation import Preparation, Prepared
from crosslabel.preparation.resampling import resample, task_grid
from crosslabel.preparation.slices import classes_of_slices, stored_axis, stored_positions

__all__ = [
    "Preparation",
    "Prepared",
    "classes_of_slices",
    "resample",
    "scale_intensity",
    "stored_axis",
    "stored_positions",
    "task_grid",
]
