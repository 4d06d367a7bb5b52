"""How large each structure is in the labelled images, to tell an implausible prediction without a label."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


class VolumePrior:
    """The range of each structure's volume over the labelled images, widened by a factor.

    Patients differ and so do fields of view: the range is wide, and an image that lacks a structure is plausible if some
    labelled image lacks it. With n images seen, the smallest and the largest volume may be missed by the factor
    ``margin ** (1 + 2 / n)``: of few images, the extremes say little of those of the next ones.

    Args:
        names: of the structures, in the order of the output channels, without the background.
        margin: the factor where many images were seen.
    """

    def __init__(self, names: Sequence[str], margin: float = 2.0) -> None:
        self.names = tuple(names)
        self.margin = margin
        self._volumes: list[list[float]] = []

    def see(self, volumes: Sequence[float]) -> None:
        """Take the volumes of one labelled image into account, one number for each name, in any unit."""
        self._volumes.append(list(volumes))

    def range(self, name: str) -> tuple[float, float]:
        """Least and largest plausible volume; anything goes as long as nothing was seen."""
        if not self._volumes:
            return 0.0, float("inf")
        seen = np.array(self._volumes)[:, self.names.index(name)]
        factor = self.margin ** (1 + 2 / len(seen))
        return float(seen.min()) / factor, float(seen.max()) * factor

    def is_plausible(self, name: str, volume: float) -> bool:
        """Whether a predicted volume lies in the range."""
        low, high = self.range(name)
        return low <= volume <= high
