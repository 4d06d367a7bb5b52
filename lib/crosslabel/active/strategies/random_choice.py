"""Chance: what every other strategy has to beat."""

from __future__ import annotations

import numpy as np

from crosslabel.active.pool import Pick, Pool

_SEEN = 0.01
_SHARE_WITH_FOREGROUND = 0.66


class Random:
    """Every image is as likely as every other."""

    name = "random"
    title = "Random"
    reference = "the baseline of Settles 2009"
    needs = frozenset[str]()

    def select(self, pool: Pool, count: int, rng: np.random.Generator) -> list[Pick]:
        sentence = f"It was drawn at random from the {len(pool)} images that wait."
        return [Pick(int(index), None, sentence) for index in rng.permutation(len(pool))[:count]]


class ForegroundRandom:
    """Chance that prefers images in which the network sees a structure: two of three are drawn from those.

    nnActive's strong baseline (TMLR 2025) draws 66 % of its patches around foreground; here whole images are drawn. Where
    every image shows a structure it is the same as chance.
    """

    name = "foreground_random"
    title = "Random, foreground first"
    reference = "foreground-aware random of nnActive, TMLR 2025"
    needs = frozenset({"foreground"})

    def select(self, pool: Pool, count: int, rng: np.random.Generator) -> list[Pick]:
        order = [int(index) for index in rng.permutation(len(pool))]
        seen = pool.scores["foreground"] > _SEEN / 100
        with_structure = [index for index in order if seen[index]]
        picks: list[Pick] = []
        taken: set[int] = set()
        while len(picks) < min(count, len(pool)):
            from_foreground = bool(with_structure) and rng.random() < _SHARE_WITH_FOREGROUND
            source = with_structure if from_foreground else order
            index = next((index for index in source if index not in taken), None)
            if index is None:
                with_structure = []
                continue
            taken.add(index)
            what = "among those in which the model sees a structure" if from_foreground else "from all images that wait"
            picks.append(Pick(index, float(pool.scores["foreground"][index]), f"It was drawn at random {what}."))
        return picks
