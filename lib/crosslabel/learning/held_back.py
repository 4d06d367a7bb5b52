"""Which labels are held back for good, and from which version a round may go on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from crosslabel.checkpoints import ModelStore, Version, seen_images
from crosslabel.data import Case
from crosslabel.data.splits import position
from crosslabel.tasks import TaskSpec

# Fewer measure too little to decide by, and are missed in training.
FEWEST = 5


def split(task: TaskSpec, cases: Sequence[Case]) -> tuple[list[Case], list[Case]]:
    """Cases to learn from, and cases held back, by a hash of the patient that never changes.

    While fewer than :data:`FEWEST` would be held back, none is.

    Returns:
        (to learn from, held back).
    """
    settings = task.training
    held = [case for case in cases if position(case.group, settings.seed) < settings.validation_share]
    if len(held) < FEWEST:
        return list(cases), []
    ids = {case.id for case in held}
    return [case for case in cases if case.id not in ids], held


def label_key(case: Case) -> str:
    """Which version of which image's label this is: a label that is revised is a new one."""
    return f"{case.id}@{case.label.name if isinstance(case.label, Path) else case.label}"


def start_of(task: TaskSpec, store: ModelStore, held: Sequence[Case]) -> Version | None:
    """The version that a round goes on from: the active one, if it has not learnt from a case that is held back now.

    Else the newest that has not, else the demonstration, else none: what is measured on held-back cases would otherwise
    be helped by having seen them.
    """
    active = store.current(task)
    if active is None or active.demonstration:
        return active
    ids = {case.id for case in held}
    candidates = [active, *(version for version in reversed(store.versions(task)) if version != active)]
    for version in candidates:
        if not ids & seen_images(store.record(version)):
            return version
    return store.demonstration(task)
