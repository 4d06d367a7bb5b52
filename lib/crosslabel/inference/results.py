"""What a predictor answers."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
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
class SliceWeight:
    """How much a slice of a volume counted: its index along a stored axis of the volume, and its share of the attention."""

    index: int
    axis: int
    weight: float


@dataclass(frozen=True)
class ClassificationResult:
    """The probability of every class.

    Attributes:
        probabilities: by class name, in the task's order; they sum to 1.
        calibrated: whether the probabilities were calibrated on held-back images; if not, they rank but do not measure.
        checkpoint: name of the checkpoint that made it.
        demonstration: whether that checkpoint has only seen generated images.
        decision: the class of least expected cost by the task's costs; the most probable one where it states none.
        uncertainty: entropy of the probabilities, averaged over changed versions of the image where the task asks for some:
            0 for certain, 1 for no idea.
        out_of_distribution_score: how unlike the training images the image is, 1 being the threshold; ``None`` if unknown.
        slices: for volumes seen slice by slice, what each slice counted.
    """

    probabilities: dict[str, float]
    calibrated: bool
    checkpoint: str
    demonstration: bool
    decision: str = ""
    uncertainty: float | None = None
    out_of_distribution_score: float | None = None
    slices: tuple[SliceWeight, ...] = ()

    @property
    def best(self) -> str:
        """The most probable class."""
        return max(self.probabilities, key=self.probabilities.__getitem__)

    @property
    def answer(self) -> str:
        """The class that is answered: the decision where one was made, else the most probable one."""
        return self.decision or self.best

    @property
    def in_distribution(self) -> bool | None:
        """Whether the image is like those that the checkpoint was trained on; ``None`` if unknown."""
        return None if self.out_of_distribution_score is None else self.out_of_distribution_score <= 1

    @property
    def warning(self) -> str:
        """A sentence where the answer should not be relied on, else empty."""
        return "This is not like anything I was trained on." if self.in_distribution is False else ""

    def with_uncertainty(self, uncertainty: float) -> ClassificationResult:
        """The same with another uncertainty."""
        return replace(self, uncertainty=uncertainty)

    def trust(self) -> dict[str, Any]:
        """How far the answer can be relied on, as JSON values."""
        answer = {
            "calibrated": self.calibrated,
            "uncertainty": self.uncertainty,
            "in_distribution": self.in_distribution,
            "out_of_distribution_score": self.out_of_distribution_score,
        }
        return {**answer, "warning": self.warning} if self.warning else answer

    def summary(self) -> dict[str, Any]:
        """All of it, as JSON values."""
        answer = {
            "class": self.answer,
            "probabilities": self.probabilities,
            **self.trust(),
            "checkpoint": self.checkpoint,
            "demonstration": self.demonstration,
        }
        return {**answer, "slices": [asdict(one) for one in self.slices]} if self.slices else answer


Result = SegmentationResult | ClassificationResult
