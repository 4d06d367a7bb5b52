"""Choosing what to annotate: scores, strategies, and how much is left to gain."""

from crosslabel.active.estimate import Estimate, advice, estimate_rest, gain_of
from crosslabel.active.pool import Pick, Pool
from crosslabel.active.pool_scorer import ImageScores, PoolImage, PoolScorer
from crosslabel.active.ranking import can_choose, order_by, pool_of
from crosslabel.active.strategies import STRATEGIES, Strategy

__all__ = [
    "STRATEGIES",
    "Estimate",
    "ImageScores",
    "Pick",
    "Pool",
    "PoolImage",
    "PoolScorer",
    "Strategy",
    "advice",
    "can_choose",
    "estimate_rest",
    "gain_of",
    "order_by",
    "pool_of",
]
