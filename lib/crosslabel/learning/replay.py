"""What a round draws from: new labels, and earlier ones again so that they are not forgotten."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from crosslabel.data import Case
from crosslabel.learning.held_back import label_key


def mixture(cases: Sequence[Case], learnt: Collection[str], new_share: float) -> list[Case]:
    """The cases with new ones repeated, so that drawing evenly draws a new one with at least probability ``new_share``.

    Experience replay (Rebuffi et al. 2017): a network that is trained on new cases alone forgets the others. Labelled
    images of the source domains are cases like the others and are replayed with them.

    Args:
        cases: all labels to learn from.
        learnt: keys (:func:`label_key`) of those that the network has seen.
        new_share: wanted share of new cases, above 0.

    Returns:
        The cases in their order, new ones several times where they are fewer than their share.
    """
    new = [case for case in cases if label_key(case) not in learnt]
    old = len(cases) - len(new)
    if not new or not old or new_share >= 1:
        return list(cases)
    wanted = new_share / (1 - new_share) * old
    # What is a whole number but for rounding is not to cost one repetition more.
    times = max(1, math.ceil(wanted / len(new) - 1e-9))
    ids = {case.id for case in new}
    return [case for case in cases for _ in range(times if case.id in ids else 1)]
