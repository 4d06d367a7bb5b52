"""What lies between an image on disk and a network: orientation, spacing, intensity, and the way back."""

from crosslabel.preparation.intensity import scale_intensity
from crosslabel.preparation.preparation import Preparation, Prepared
from crosslabel.preparation.resampling import resample, task_grid

__all__ = ["Preparation", "Prepared", "resample", "scale_intensity", "task_grid"]
