"""Which cases train and which are held back."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from crosslabel.data.cases import Case


def hold_back(cases: Sequence[Case], share: float, seed: int = 0) -> tuple[list[Case], list[Case]]:
    """Split cases into training and validation by a hash of their patients, or of their ids where no patient is known.

    A case stays on its side when others come or go, so held-back cases never leak into training as a data set grows. Classes
    are split one by one, so each keeps its share; a patient whose images are of several classes is held back with all of them.

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
        owners = {_owner(case) for case in group}
        if len(owners) >= 5:
            ranked = sorted(owners, key=lambda owner: _position(owner, seed))
            below = [owner for owner in ranked if _position(owner, seed) < share]
            held.update(below or (ranked[:1] if share > 0 else []))
    return [case for case in cases if _owner(case) not in held], [case for case in cases if _owner(case) in held]


def _owner(case: Case) -> str:
    return case.id if case.patient is None else case.patient


def _position(id: str, seed: int) -> float:
    """A number in [0, 1) that depends on the id and the seed alone."""
    digest = hashlib.sha256(f"{seed}:{id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
