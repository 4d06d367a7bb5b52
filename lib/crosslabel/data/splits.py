"""Which cases train and which are held back."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from crosslabel.data.cases import Case


def hold_back(cases: Sequence[Case], share: float, seed: int = 0) -> tuple[list[Case], list[Case]]:
    """Split cases into training and validation by a hash of their ids.

    A case stays on its side when others come or go, so held-back cases never leak into training as a data set grows. Classes
    are split one by one, so each keeps its share.

    Args:
        cases: the labelled cases.
        share: share of the cases to hold back, 0 to below 1.
        seed: another seed gives another split.

    Returns:
        (training, validation), each in the given order; validation is empty where fewer than five cases of a class would be
        split, because a single case measures nothing and is missed in training.
    """
    groups: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        groups[case.label if isinstance(case.label, str) else ""].append(case)
    held: set[str] = set()
    for group in groups.values():
        if len(group) >= 5:
            ranked = sorted(group, key=lambda case: _position(case.id, seed))
            below = [case.id for case in ranked if _position(case.id, seed) < share]
            held.update(below or ([ranked[0].id] if share > 0 else []))
    return [case for case in cases if case.id not in held], [case for case in cases if case.id in held]


def _position(id: str, seed: int) -> float:
    """A number in [0, 1) that depends on the id and the seed alone."""
    digest = hashlib.sha256(f"{seed}:{id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
