"""From what a network saw of a pool to the order in which each strategy would have it annotated."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from crosslabel.active.pool import Pick, Pool
from crosslabel.active.pool_scorer import CLASS_SCORE, ImageScores
from crosslabel.active.strategies import STRATEGIES

# A greedy choice costs as much for every image as for the first; whoever labels more than this gets a new order before.
LONGEST = 200


def pool_of(
    scans: Mapping[str, ImageScores],
    waiting: Sequence[str],
    labelled: Collection[str],
    classes: Sequence[str],
    batch: int = 10,
) -> Pool:
    """The pool of the waiting images that could be scored.

    Args:
        scans: by image id; with ``image_id``, ``scores``, ``vectors`` and ``problem``.
        waiting: ids to choose from.
        labelled: ids of labelled images.
        classes: names of the structures or classes.
        batch: about so many are labelled before the next look.
    """
    ours = [scans[image_id] for image_id in waiting if image_id in scans and not scans[image_id].problem]
    theirs = [scans[image_id] for image_id in labelled if image_id in scans and not scans[image_id].problem]
    names = sorted({name for scan in ours for name in scan.scores if not name.startswith(CLASS_SCORE)})
    vectors = sorted(set(ours[0].vectors).intersection(*(scan.vectors for scan in ours))) if ours else []
    by_class = np.array([[scan.scores.get(f"{CLASS_SCORE}{name}", np.nan) for name in classes] for scan in ours])
    return Pool(
        ids=[scan.image_id for scan in ours],
        scores={name: np.array([scan.scores.get(name, np.nan) for scan in ours]) for name in names},
        vectors={name: np.stack([scan.vectors[name] for scan in ours]) for name in vectors},
        labelled={
            name: np.stack([scan.vectors[name] for scan in theirs if name in scan.vectors])
            for name in vectors
            if any(name in scan.vectors for scan in theirs)
        },
        class_names=classes,
        class_scores=by_class if len(ours) and len(classes) else None,
        batch=batch,
    )


def can_choose(strategy: str, pool: Pool) -> bool:
    """Whether the pool holds all that a strategy needs."""
    return STRATEGIES[strategy].needs <= {*pool.scores, *pool.vectors}


def order_by(strategy: str, pool: Pool, rng: np.random.Generator, count: int = LONGEST) -> list[tuple[str, Pick]]:
    """Image ids with why, the most wanted first; empty where the strategy lacks what it needs.

    Args:
        strategy: name of one of :data:`STRATEGIES`.
        pool: what to choose from.
        rng: of what is random in it.
        count: at most so many.
    """
    if not len(pool) or not can_choose(strategy, pool):
        return []
    return [(pool.ids[pick.index], pick) for pick in STRATEGIES[strategy].select(pool, count, rng)]
