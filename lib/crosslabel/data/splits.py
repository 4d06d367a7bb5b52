"""Which cases train and which are held back."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Literal

from crosslabel.data.cases import Case
from crosslabel.errors import DataError

SplitBy = Literal["patient", "image"]

_FEWEST_TO_SPLIT = 5


def hold_back(cases: Sequence[Case], share: float, seed: int = 0) -> tuple[list[Case], list[Case]]:
    """Split cases into training and validation by a hash of their patients, or of their ids where patients are not known.

    A patient stays on one side when others come or go, so held-back cases never leak into training as a data set grows, and
    what is measured on them is not helped by another image of the same patient. Classes are split one by one, so that each is
    held back; its share is kept on average, not exactly, for a case that has a side never changes it.

    Args:
        cases: the labelled cases.
        share: share of the patients to hold back, 0 to below 1.
        seed: another seed gives another split.

    Returns:
        (training, validation), each in the given order. Of a class with fewer than five patients none is held back, because
        a single case measures nothing and is missed in training; and none at all where several classes are shown and fewer
        than two of them could be held back, because a network that always answers one class would be chosen.
    """
    groups: dict[str, set[str]] = defaultdict(set)
    for case in cases:
        groups[case.label if isinstance(case.label, str) else ""].add(case.group)
    enough = [members for members in groups.values() if len(members) >= _FEWEST_TO_SPLIT]
    held: set[str] = set()
    for members in enough if len(enough) >= min(len(groups), 2) else ():
        ranked = sorted(members, key=lambda group: position(group, seed))
        below = [group for group in ranked if position(group, seed) < share]
        held.update(below or (ranked[:1] if share > 0 else []))
    return [case for case in cases if case.group not in held], [case for case in cases if case.group in held]


def spoken_held_back(training: Sequence[Case], held: Sequence[Case], what: str = "cases") -> str:
    """What metrics are on, for people; classes that training shows and nothing that is held back does are named.

    Args:
        training: cases to learn from.
        held: cases held back.
        what: the cases are, in the plural.
    """
    if not held:
        return f"nothing: too few {what} to hold any back"
    shown = {case.label for case in held}
    missing = sorted({case.label for case in training if isinstance(case.label, str)} - shown)
    return f"held-back {what}" + (f", none of which shows {', '.join(missing)}" if missing else "")


def position(group: str, seed: int) -> float:
    """A number in [0, 1) that depends on the patient or id and the seed alone."""
    digest = hashlib.sha256(f"{seed}:{group}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def stratified_folds(
    cases: Sequence[Case], count: int, seed: int = 0, by: SplitBy = "patient"
) -> list[tuple[list[Case], list[Case]]]:
    """Folds of about equal size in which each class has its share, and a patient's images lie in one fold.

    Owners (patients, or images of unknown patients) are dealt to the fold that has the fewest images of their rarest class so
    far, the rarest classes and those with most images first, in an order that the seed decides among equals.

    Args:
        cases: with class names as labels.
        count: number of folds, at least 2.
        seed: another seed gives other folds.
        by: see :func:`check_split`.

    Returns:
        For each fold: (the cases of all others, its own cases), each in the given order.

    Raises:
        DataError: fewer patients or images than folds, or a split by image where patients are known.
    """
    check_split(cases, by)
    owned: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        owned[case.group].append(case)
    if len(owned) < count:
        raise DataError(f"{len(owned)} patients or images cannot be split into {count} folds; take fewer folds or label more.")
    sizes = Counter(str(case.label) for case in cases)

    def rarest(owner: str) -> str:
        return min((str(case.label) for case in owned[owner]), key=lambda label: (sizes[label], label))

    order = sorted(owned, key=lambda owner: (sizes[rarest(owner)], rarest(owner), -len(owned[owner]), position(owner, seed)))
    held: list[Counter[str]] = [Counter() for _ in range(count)]
    fold_of: dict[str, int] = {}
    for owner in order:
        label = rarest(owner)
        fold = min(range(count), key=lambda number: (held[number][label], held[number].total(), number))
        fold_of[owner] = fold
        held[fold].update(str(case.label) for case in owned[owner])
    return [
        (
            [case for case in cases if fold_of[case.group] != number],
            [case for case in cases if fold_of[case.group] == number],
        )
        for number in range(count)
    ]


def check_split(cases: Sequence[Case], by: SplitBy) -> None:
    """Refuse to split images of known patients one by one: what a network has seen of a patient would be tested on the same.

    Raises:
        DataError: ``by`` is ``image`` and the patient of a case is known.
    """
    known = next((case for case in cases if case.patient is not None), None)
    if by == "image" and known is not None:
        raise DataError(
            f"A split by image was asked for and the patient of {known.id} is known, so images of one patient would lie on "
            "both sides; write training.split_by: patient, or leave it out."
        )
