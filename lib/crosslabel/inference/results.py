"""What a predictor answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from crosslabel.images import Grid


@dataclass(frozen=True, eq=False)
class SegmentationResult:
    """A label in the input's own grid.

    Attributes:
        label: (\\*grid.shape), uint16, the task's label values.
        grid: the input's grid.
        volumes_ml: volume of each label in millilitres; empty for a 2-D image, which has none.
        confidence: mean probability that the network gave to the voxels of each label, 0 to 1; ``None`` where a label is
            empty. It says how sure the network is, not how right.
        checkpoint: name of the checkpoint that made it.
        demonstration: whether that checkpoint has only seen generated images.
        quality: how far several views of the image agree on each label (mean Dice over pairs of views, 0 to 1), an estimate
            without ground truth; ``None`` for a label that no view has. ``None`` if one view alone was predicted.
        uncertainty: (\\*grid.shape), float32, entropy of the mean over views, 0 (sure) to 1; ``None`` likewise.
    """

    label: np.ndarray
    grid: Grid
    volumes_ml: dict[str, float]
    confidence: dict[str, float | None]
    checkpoint: str
    demonstration: bool
    quality: dict[str, float | None] | None = None
    uncertainty: np.ndarray | None = None

    def summary(self) -> dict[str, Any]:
        """All but the voxels, as JSON values."""
        return {
            "volumes_ml": self.volumes_ml,
            "confidence": self.confidence,
            **({} if self.quality is None else {"quality": self.quality}),
            "checkpoint": self.checkpoint,
            "demonstration": self.demonstration,
        }


@dataclass(frozen=True)
class ClassificationResult:
    """The probability of every class.

    Attributes:
        probabilities: by class name, in the task's order; they sum to 1.
        calibrated: whether the probabilities were calibrated on held-back images; if not, they rank but do not measure.
        checkpoint: name of the checkpoint that made it.
        demonstration: whether that checkpoint has only seen generated images.
    """

    probabilities: dict[str, float]
    calibrated: bool
    checkpoint: str
    demonstration: bool

    @property
    def best(self) -> str:
        """The most probable class."""
        return max(self.probabilities, key=self.probabilities.__getitem__)

    def summary(self) -> dict[str, Any]:
        """All of it, as JSON values."""
        return {
            "class": self.best,
            "probabilities": self.probabilities,
            "calibrated": self.calibrated,
            "checkpoint": self.checkpoint,
            "demonstration": self.demonstration,
        }


Result = SegmentationResult | ClassificationResult
