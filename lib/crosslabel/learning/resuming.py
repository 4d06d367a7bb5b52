"""Whether a round that was stopped goes on: only if its epochs learnt from nothing that they must not have seen by now."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from crosslabel.checkpoints import Version
from crosslabel.data import Case
from crosslabel.files import write_json
from crosslabel.learning.held_back import label_key
from crosslabel.optimisation import RESUME_FILE
from crosslabel.optimisation.progress import ProgressFile
from crosslabel.tasks import TaskSpec
from crosslabel.training.identity import identity

_FILE = "learns_from.json"


def goes_on(
    run_dir: Path, task: TaskSpec, start: Version | None, train: Sequence[Case], held: Sequence[Case], *, resume: bool
) -> bool:
    """Whether the epochs in a run's folder are of this round; where they are not, they are given up and it begins anew.

    A label that came while the round stood still may have changed which labels are held back, another version may be served
    since, or the task file changed: weights that have seen the one or come from the other would be measured and
    recorded wrongly.

    Args:
        run_dir: folder of the run; it keeps what its epochs learn from.
        task: with the settings of the round.
        start: version that the round starts from.
        train: cases to learn from.
        held: cases held back.
        resume: whether the round is to go on at all.
    """
    now = {
        **identity(task, {}, start),
        "training": sorted(map(label_key, train)),
        "held_back": sorted(map(label_key, held)),
    }
    if resume and _noted(run_dir) == now:
        return True
    # In this order: a round that is killed in between finds no epoch of other labels.
    for epochs in run_dir.rglob(RESUME_FILE):
        epochs.unlink()
    ProgressFile(run_dir).begin_anew()
    write_json(run_dir / _FILE, now)
    return False


def _noted(run_dir: Path) -> dict[str, Any] | None:
    try:
        return json.loads((run_dir / _FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
