"""What a strategy chooses from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, eq=False)
class Pool:
    """Images without a label, beside those with one, as a network sees them.

    Attributes:
        ids: of the n images to choose from.
        scores: (n,) by name, see :data:`crosslabel.active.pool_scorer.SCORES`; nan where an image has none.
        vectors: (n, d) by name; absent where an image has none.
        labelled: (m, d) by name: the same vectors of the labelled images.
        class_names: the structures or classes that ``class_scores`` are of.
        class_scores: (n, classes): uncertainty about each; nan where an image does not show it.
        batch: about so many images are labelled before the network learns and looks again.
    """

    ids: Sequence[str]
    scores: Mapping[str, np.ndarray] = field(default_factory=dict)
    vectors: Mapping[str, np.ndarray] = field(default_factory=dict)
    labelled: Mapping[str, np.ndarray] = field(default_factory=dict)
    class_names: Sequence[str] = ()
    class_scores: np.ndarray | None = None
    batch: int = 10

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def labels(self) -> int:
        """Number of labelled images, as far as they could be looked at."""
        return len(next(iter(self.labelled.values()), ()))

    def comparable(self) -> tuple[np.ndarray, np.ndarray]:
        """Vectors to compare images by, (n, d) and (m, d): the network's features, else the appearance.

        Each dimension has mean 0 and variance 1 over all images.
        """
        name = "features" if "features" in self.vectors else "appearance"
        return self.standardised(name)

    def standardised(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """The vectors of a name with mean 0 and variance 1 over pool and labelled images together."""
        ours = np.asarray(self.vectors[name], np.float64)
        theirs = np.asarray(self.labelled.get(name, np.empty((0, ours.shape[1]))), np.float64).reshape(-1, ours.shape[1])
        together = np.concatenate([ours, theirs])
        mean, deviation = together.mean(axis=0), together.std(axis=0)
        deviation[deviation < 1e-9] = 1.0
        return (ours - mean) / deviation, (theirs - mean) / deviation


@dataclass(frozen=True)
class Pick:
    """One image that a strategy chose.

    Attributes:
        index: its place in the pool.
        score: what the strategy gave it, higher is more wanted; None where it gives none.
        sentence: why, for a clinician.
    """

    index: int
    score: float | None
    sentence: str


def compared(values: np.ndarray, value: float, than: str, also: str = "") -> str:
    """A sentence that compares an image with the others of the pool.

    Args:
        values: (n,) of all images, nan where there is none.
        value: the image's own.
        than: the sentence up to the per cent of the other values that are smaller.
        also: what follows them.
    """
    known = values[np.isfinite(values)]
    if known.size < 2:
        return "No other image that waited had a score to compare it with."
    share = round(100 * float((known < value).sum()) / (known.size - 1))
    return f"{than} {share} % of the images that wait{also}."
