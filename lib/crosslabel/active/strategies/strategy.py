"""What a strategy is."""

from __future__ import annotations

from typing import ClassVar, Protocol

import numpy as np

from crosslabel.active.pool import Pick, Pool


class Strategy(Protocol):
    """Chooses which images to annotate next.

    Attributes:
        name: as task files and addresses have it.
        title: for people.
        reference: where it comes from.
        needs: names of scores and vectors without which it cannot choose; empty for one that needs no network.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    reference: ClassVar[str]
    needs: ClassVar[frozenset[str]]

    def select(self, pool: Pool, count: int, rng: np.random.Generator) -> list[Pick]:
        """At most ``count`` different images of the pool, the most wanted first; fewer only if the pool is smaller."""
        ...
