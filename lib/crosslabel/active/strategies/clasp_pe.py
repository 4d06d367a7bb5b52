"""Class-stratified, randomised predictive entropy."""

from __future__ import annotations

import numpy as np

from crosslabel.active.pool import Pick, Pool, compared
from crosslabel.active.strategies.uncertainty import log_with_gumbel_noise

_SHARE = 0.66


class ClaspPE:
    """Two of three images by class-stratified predictive entropy with Gumbel noise on the log scores, the rest at random.

    The classes take turns; each takes the image with the highest noisy score in its own surroundings. The noise keeps
    near-copies of one hard image from filling a batch, the random third keeps what the network is wrongly sure of in reach.

    The paper lets the noise decay, for diversity early and exploitation later, by a schedule whose numbers are not known to
    us. Ours divides it by the number of rounds so far: an image is drawn with a probability proportional to its score to the
    power of labels / batch, 1 in the first round.
    """

    name = "clasp_pe"
    title = "Unsure, class by class, with chance (ClaSP PE)"
    reference = "arXiv 2601.13677"
    needs = frozenset({"entropy"})

    def select(self, pool: Pool, count: int, rng: np.random.Generator) -> list[Pick]:
        turns = self._turns(pool, rng)
        chance = [int(index) for index in rng.permutation(len(pool))]
        by_entropy = stratified_turns(min(count, len(pool)), _SHARE)
        taken: set[int] = set()
        picks: list[Pick] = []
        next_class = int(rng.integers(max(1, len(turns))))
        for stratified in by_entropy:
            pick = None
            for offset in range(len(turns) if stratified else 0):
                name, scores, order = turns[(next_class + offset) % len(turns)]
                index = next((i for i in order if i not in taken and np.isfinite(scores[i])), None)
                if index is not None:
                    next_class += offset + 1
                    pick = Pick(index, float(scores[index]), _sentence(name, scores, index))
                    break
            if pick is None:
                index = next(i for i in chance if i not in taken)
                pick = Pick(index, None, "It was drawn at random, so that the model's blind spots are met too.")
            taken.add(pick.index)
            picks.append(pick)
        return picks

    def _turns(self, pool: Pool, rng: np.random.Generator) -> list[tuple[str, np.ndarray, list[int]]]:
        """For each class its name, scores, and images from the highest noisy score down."""
        if pool.class_scores is None or not np.isfinite(pool.class_scores).any():
            columns = [("", pool.scores["entropy"])]
        else:
            columns = list(zip(pool.class_names, pool.class_scores.T, strict=True))
        beta = max(1.0, pool.labels / pool.batch)
        turns = []
        for name, scores in columns:
            keys = log_with_gumbel_noise(scores, rng, beta)
            turns.append((name, scores, [int(index) for index in np.argsort(-keys, kind="stable")]))
        return turns


def stratified_turns(count: int, share: float) -> list[bool]:
    """Which of ``count`` picks follow the scores, so that every beginning of the list has about ``share`` of them."""
    return [int((number + 1) * share + 0.5) > int(number * share + 0.5) for number in range(count)]


def _sentence(name: str, scores: np.ndarray, index: int) -> str:
    about = f" about {name}" if name else ""
    return compared(scores, scores[index], f"The model is less sure{about} here than in")
