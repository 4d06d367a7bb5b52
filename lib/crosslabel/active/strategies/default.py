"""What is used where a task file names no strategy."""

from __future__ import annotations

import numpy as np

from crosslabel.active.pool import Pick, Pool
from crosslabel.active.strategies.clasp_pe import ClaspPE
from crosslabel.active.strategies.typiclust import TypiClust

# Where labels are few, what is typical teaches more than what is hard (Hacohen et al. 2022).
FEW_LABELS = 20


class Default:
    """Typical images while there are few labels or no network, then unsure ones, class by class."""

    name = "default"
    title = "Recommended"
    reference = "TypiClust up to 20 labels, then ClaSP PE"
    needs = frozenset({"appearance"})

    def __init__(self) -> None:
        self._early, self._late = TypiClust(), ClaspPE()

    def select(self, pool: Pool, count: int, rng: np.random.Generator) -> list[Pick]:
        late = pool.labels >= FEW_LABELS and "entropy" in pool.scores
        return (self._late if late else self._early).select(pool, count, rng)
