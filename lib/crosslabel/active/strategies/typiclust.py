"""Typical images first: for small budgets and for the first labels of all."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.neighbors import NearestNeighbors

from crosslabel.active.pool import Pick, Pool

_NEIGHBOURS = 5
_MOST_CLUSTERS = 500


class TypiClust:
    """The most typical image of each cluster that holds no label yet, the largest cluster first.

    As many clusters as labelled images and a batch together, by k-means on the network's features (the appearance, where
    there is no network yet). An image is typical where its neighbours are near: (mean distance to its 5 nearest neighbours
    in the cluster)^-1.
    """

    name = "typiclust"
    title = "Typical ones first (TypiClust)"
    reference = "Hacohen et al., ICML 2022"
    needs = frozenset({"appearance"})

    def select(self, pool: Pool, count: int, rng: np.random.Generator) -> list[Pick]:
        ours, theirs = pool.comparable()
        everything = np.concatenate([theirs, ours])
        wanted = min(count, len(pool))
        groups = len(theirs) + min(wanted, pool.batch)
        clusters = _clusters(everything, min(groups, len(everything), _MOST_CLUSTERS), rng)
        free = {index: int(cluster) for index, cluster in enumerate(clusters[len(theirs) :])}
        covered = np.bincount(clusters[: len(theirs)], minlength=clusters.max() + 1)
        picks: list[Pick] = []
        # Most typical last; found once for a cluster, because that takes its pairwise distances.
        typical: dict[int, list[tuple[float, int]]] = {}
        while len(picks) < wanted:
            cluster, size = _largest_uncovered(free, covered)
            if cluster not in typical:
                members = [index for index, its in free.items() if its == cluster]
                told = zip(map(float, typicality(ours[members])), members, strict=True)
                typical[cluster] = sorted(told, key=lambda pair: (pair[0], -pair[1]))
            closeness, best = typical[cluster].pop()
            picks.append(Pick(best, closeness, _sentence(size, covered[cluster])))
            covered[cluster] += 1
            del free[best]
        return picks


def typicality(points: np.ndarray, neighbours: int = _NEIGHBOURS) -> np.ndarray:
    """(mean distance to the nearest neighbours)^-1 of each of (n, d) points; 1 for a point that is alone."""
    if len(points) == 1:
        return np.ones(1)
    k = min(neighbours, len(points) - 1)
    # The nearest of all is the point itself, or its double. In pieces, so that no matrix of all pairs is needed.
    nearest = NearestNeighbors(n_neighbors=k + 1, algorithm="brute").fit(points).kneighbors(points)[0][:, 1:]
    return 1 / (nearest.mean(axis=1) + 1e-7)


def _clusters(points: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    with warnings.catch_warnings():
        # Images that are copies of each other make fewer clusters than asked for.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return KMeans(count, n_init=1, random_state=int(rng.integers(2**31))).fit_predict(points)


def _largest_uncovered(free: dict[int, int], covered: np.ndarray) -> tuple[int, int]:
    """Among the clusters with the fewest labels, the one with the most images."""
    sizes = np.bincount(list(free.values()), minlength=len(covered))
    fewest = min(covered[sizes > 0])
    candidates = np.flatnonzero((sizes > 0) & (covered == fewest))
    best = int(candidates[np.argmax(sizes[candidates])])
    return best, int(sizes[best])


def _sentence(size: int, labelled: int) -> str:
    if size > 1:
        return f"It is the most typical of a group of {size} similar images{'' if labelled else ', none of which is labelled'}."
    if labelled:
        return "It is the last of a group of similar images."
    return "It is unlike all other images, those with a label included."
