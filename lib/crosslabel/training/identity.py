"""What has to be the same for a run that was stopped to be gone on with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from crosslabel.checkpoints import Version
from crosslabel.data import Case
from crosslabel.files import sha256_of
from crosslabel.tasks import TaskSpec

# What no training is changed by.
_SPOKEN = {"title", "description", "checkpoint", "active_learning"}


def identity(
    task: TaskSpec, cases: Mapping[str, Sequence[Case]], start: Version | None = None, weights: Path | None = None
) -> dict[str, Any]:
    """JSON values that differ where runs are not the same.

    Args:
        task: what is trained, with its settings.
        cases: by what they are for.
        start: version that the run starts from.
        weights: file of pretrained weights.
    """
    found = {
        "task": task.model_dump(mode="json", by_alias=True, exclude=_SPOKEN),
        "cases": {role: [_said_of(case) for case in of_role] for role, of_role in cases.items()},
        "start": None if start is None else start.name,
        "weights": None if weights is None else sha256_of(weights),
    }
    # Tuples become lists, as they are when it is read back.
    return json.loads(json.dumps(found))


def _said_of(case: Case) -> list[Any]:
    label = sha256_of(case.label) if isinstance(case.label, Path) else case.label
    return [case.id, label, case.slices]
