"""Strategies by name."""

from __future__ import annotations

from collections.abc import Mapping

from crosslabel.active.strategies.clasp_pe import ClaspPE
from crosslabel.active.strategies.default import Default
from crosslabel.active.strategies.diversity import Badge, CoreSet, DomainGap
from crosslabel.active.strategies.random_choice import ForegroundRandom, Random
from crosslabel.active.strategies.strategy import Strategy
from crosslabel.active.strategies.typiclust import TypiClust
from crosslabel.active.strategies.uncertainty import Bald, Committee, Disagreement, Entropy, Margin, PowerBald

_ALL: tuple[type[Strategy], ...] = (
    Default,
    Random,
    ForegroundRandom,
    Entropy,
    Margin,
    Bald,
    PowerBald,
    Disagreement,
    Committee,
    CoreSet,
    Badge,
    TypiClust,
    ClaspPE,
    DomainGap,
)
STRATEGIES: Mapping[str, Strategy] = {strategy.name: strategy() for strategy in _ALL}

__all__ = ["STRATEGIES", "Strategy"]
