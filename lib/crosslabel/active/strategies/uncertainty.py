"""The images that the network is least sure about, one by one."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from crosslabel.active.pool import Pick, Pool, compared


class _ByScore:
    """Highest score first; images without one last, in random order."""

    score: ClassVar[str]
    says: ClassVar[str]

    def select(self, pool: Pool, count: int, rng: np.random.Generator) -> list[Pick]:
        values = pool.scores[self.score]
        keys = self._keys(np.where(np.isfinite(values), values, -np.inf), rng)
        order = np.lexsort((rng.random(len(pool)), -keys))[:count]
        return [Pick(int(index), _finite(values[index]), self._sentence(pool, values, int(index))) for index in order]

    def _keys(self, values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return values

    def _sentence(self, pool: Pool, values: np.ndarray, index: int) -> str:
        if not np.isfinite(values[index]):
            return "The model has no opinion of this image."
        return compared(values, values[index], f"{self.says} than for", _about(pool, index))


class Entropy(_ByScore):
    """The largest predictive entropy, looked at where structures may be."""

    name = "entropy"
    title = "Least sure (entropy)"
    reference = "Settles 2009, section 3.1"
    needs = frozenset({"entropy"})
    score = "entropy"
    says = "The model is less sure here"


class Margin(_ByScore):
    """The smallest margin between the two most probable answers."""

    name = "margin"
    title = "Closest decision (margin)"
    reference = "Scheffer et al. 2001"
    needs = frozenset({"margin"})
    score = "margin"
    says = "The model's two best answers are closer here"


class Bald(_ByScore):
    """The largest mutual information between label and weights, by dropout."""

    name = "bald"
    title = "Most to learn from (BALD)"
    reference = "Houlsby et al. 2011; Gal et al. 2017"
    needs = frozenset({"bald"})
    score = "bald"
    says = "Variants of the model contradict each other more here"


class PowerBald(Bald):
    """BALD with Gumbel noise on the logarithm of the scores, so that the images of a batch are not all alike.

    Taking the k highest of log s_i + G_i, with G_i from a Gumbel distribution, draws k images without replacement with
    probabilities proportional to s_i (beta = 1).
    """

    name = "power_bald"
    title = "Most to learn from, varied (PowerBALD)"
    reference = "Kirsch et al., TMLR 2023"

    def _keys(self, values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return log_with_gumbel_noise(values, rng)


class Disagreement(_ByScore):
    """The largest share of looks at slightly changed images whose answer is not that of their mean."""

    name = "disagreement"
    title = "Contradicts itself (changed images)"
    reference = "Wang et al. 2019"
    needs = frozenset({"disagreement"})
    score = "disagreement"
    says = "The model contradicts itself more here when the image is changed a little"


class Committee(_ByScore):
    """The largest variance of the probabilities between the served version and those that were served before it."""

    name = "committee"
    title = "Versions differ (ensemble)"
    reference = "Seung et al. 1992; Beluch et al. 2018"
    needs = frozenset({"ensemble_variance"})
    score = "ensemble_variance"
    says = "The last versions of the model differ more here"


def log_with_gumbel_noise(values: np.ndarray, rng: np.random.Generator, beta: float = 1.0) -> np.ndarray:
    """log s + G / beta, G from a standard Gumbel distribution; -inf where there is no score.

    The highest are a draw without replacement with probabilities proportional to s^beta.
    """
    known = np.isfinite(values)
    keys = np.full(len(values), -np.inf)
    keys[known] = np.log(np.maximum(values[known], 1e-12)) + rng.gumbel(size=int(known.sum())) / beta
    return keys


def _about(pool: Pool, index: int) -> str:
    """The structure or class that the network is least sure about."""
    if pool.class_scores is None or len(pool.class_names) < 2 or not np.isfinite(pool.class_scores[index]).any():
        return ""
    return f", least of all about {pool.class_names[int(np.nanargmax(pool.class_scores[index]))]}"


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
