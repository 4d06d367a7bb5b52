"""Images that are unlike those that are labelled, and unlike each other."""

from __future__ import annotations

import numpy as np

from crosslabel.active.pool import Pick, Pool, compared


class CoreSet:
    """The image farthest from all that are labelled or chosen, again and again (greedy k-centre)."""

    name = "core_set"
    title = "Least like the labelled ones (core-set)"
    reference = "Sener and Savarese, ICLR 2018"
    needs = frozenset({"features"})

    def select(self, pool: Pool, count: int, rng: np.random.Generator) -> list[Pick]:
        ours, theirs = pool.comparable()
        return farthest_first(ours, theirs, count, rng, "It shows what the model has not learnt from yet")


class DomainGap:
    """The image whose style is farthest from the labelled ones': an unseen scanner, sequence or artefact."""

    name = "domain_gap"
    title = "Another look than the labelled ones (domain gap)"
    reference = "greedy k-centre on style, after Sener and Savarese 2018"
    needs = frozenset({"style"})

    def select(self, pool: Pool, count: int, rng: np.random.Generator) -> list[Pick]:
        ours, theirs = pool.standardised("style")
        return farthest_first(ours, theirs, count, rng, "Its intensities look unlike those of the labelled images")


class Badge:
    """k-means++ on gradient embeddings: large gradients (unsure) that point in different directions (diverse)."""

    name = "badge"
    title = "Unsure and varied (BADGE)"
    reference = "Ash et al., ICLR 2020"
    needs = frozenset({"gradient"})

    def select(self, pool: Pool, count: int, rng: np.random.Generator) -> list[Pick]:
        embeddings = np.asarray(pool.vectors["gradient"], np.float64)
        norms = (embeddings**2).sum(axis=1)
        picks: list[int] = []
        distances = norms.copy()
        while len(picks) < min(count, len(pool)):
            picks.append(self._draw(distances, picks, rng))
            distances = np.minimum(distances if len(picks) > 1 else np.inf, ((embeddings - embeddings[picks[-1]]) ** 2).sum(1))
        return [Pick(index, float(np.sqrt(norms[index])), self._sentence(norms, index)) for index in picks]

    def _draw(self, distances: np.ndarray, taken: list[int], rng: np.random.Generator) -> int:
        free = np.setdiff1d(np.arange(len(distances)), taken)
        if not taken:
            return int(free[np.argmax(distances[free])])
        weights = distances[free]
        chances = weights / weights.sum() if weights.sum() > 0 else None
        return int(rng.choice(free, p=chances))

    def _sentence(self, norms: np.ndarray, index: int) -> str:
        return compared(norms, norms[index], "Its label would change the model more than those of", ", and in another way")


def farthest_first(ours: np.ndarray, theirs: np.ndarray, count: int, rng: np.random.Generator, why: str) -> list[Pick]:
    """Greedy k-centre: each pick is the one farthest from all labelled and picked; its score is that distance.

    Args:
        ours: (n, d), to pick from.
        theirs: (m, d), covered already; where there are none, the first pick is random.
        count: how many.
        rng: for the first of several that are equally far.
        why: beginning of the sentence.
    """
    nearest = _distances(ours, theirs).min(axis=1) if len(theirs) else np.full(len(ours), np.inf)
    first = nearest.copy()
    picks = []
    for _ in range(min(count, len(ours))):
        index = int(rng.choice(np.flatnonzero(nearest == nearest.max())))
        distance = float(nearest[index])
        known = np.isfinite(distance)
        sentence = compared(first, first[index], f"{why}, more so than") if np.isfinite(first[index]) else f"{why}."
        picks.append(Pick(index, distance if known else None, sentence))
        nearest = np.minimum(nearest, np.linalg.norm(ours - ours[index], axis=1))
        nearest[index] = -np.inf
    return picks


def _distances(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    squares = (ours**2).sum(1)[:, None] + (theirs**2).sum(1)[None] - 2 * ours @ theirs.T
    return np.sqrt(np.maximum(squares, 0))
