"""Which cases train and which are held back."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from crosslabel.data.cases import Case

_FEWEST_TO_SPLIT = 5


def hold_back(cases: Sequence[Case], share: float, seed: int = 0) -> tuple[list[Case], list[Case]]:
    """Split cases into training and validation by a hash of their patients, or of their ids where patients are not known.

    A patient stays on one side when others come or go, so held-back cases never leak into training as a data set grows, and
    what is measured on them is not helped by another image of the same patient. Classes are split one by one, so each keeps
    its share.

    Args:
        cases: the labelled cases.
        share: share of the patients to hold back, 0 to below 1.
        seed: another seed gives another split.

    Returns:
        (training, validation), each in the given order; validation is empty where a class has fewer than five patients to
        split, because a single case measures nothing and is missed in training.
    """
    groups: dict[str, set[str]] = defaultdict(set)
    for case in cases:
        groups[case.label if isinstance(case.label, str) else ""].add(case.group)
    held: set[str] = set()
    for members in groups.values():
        if len(members) >= _FEWEST_TO_SPLIT:
            ranked = sorted(members, key=lambda group: _position(group, seed))
            below = [group for group in ranked if _position(group, seed) < share]
            held.update(below or (ranked[:1] if share > 0 else []))
    return [case for case in cases if case.group not in held], [case for case in cases if case.group in held]


def _position(group: str, seed: int) -> float:
    """A number in [0, 1) that depends on the patient or id and the seed alone."""
    digest = hashlib.sha256(f"{seed}:{group}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
