"""Augmentation whose every change is drawn first, written down, and then made: it can be made again from what is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from crosslabel.augmentation.basic import basic_augmentation, seeded
from crosslabel.augmentation.operations import OPERATIONS
from crosslabel.tasks import TaskSpec

_LARGEST_SEED = 2**31
_BASIC = "basic"
# Artefacts are rare: each of a family is drawn in a third of the images.
_LIKELIHOOD = 1 / 3


@dataclass(frozen=True)
class Change:
    """One change of an image: the name of an operation and its parameters, JSON values only."""

    name: str
    parameters: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


class Augmentation:
    """The changes of a task's training images.

    Args:
        task: whose ``augmentation`` says what is changed and how much.
    """

    def __init__(self, task: TaskSpec) -> None:
        self.task = task
        self.settings = task.augmentation
        self._basic = basic_augmentation(task)

    def draw(self, *numbers: int) -> list[Change]:
        """What happens to an image that is known by numbers (seed, epoch, draw, stream, place in the batch)."""
        rng = np.random.default_rng(numbers)
        changes = []
        for family, strength in (
            (_elastic, self.settings.elastic),
            (_bspline, self.settings.bspline),
            (_mr_artefacts, self.settings.mr_artefacts),
            (_ct_artefacts, self.settings.ct_artefacts),
        ):
            if strength > 0:
                changes += family(rng, strength, self.task.patch)
        if self.settings.basic > 0 and rng.random() < self.settings.basic:
            changes.append(Change(_BASIC, {"numbers": list(map(int, numbers))}))
        return changes

    def apply(self, image: Tensor, changes: Sequence[Change]) -> Tensor:
        """Make changes, drawn now or read from a record: (channels, \\*spatial) -> the same shape."""
        array = image.numpy()
        for change in changes:
            if change.name == _BASIC:
                array = np.asarray(
                    seeded(self._basic, *change.parameters["numbers"])({"image": torch.as_tensor(array)})["image"]
                )
            else:
                array = OPERATIONS[change.name](array, **change.parameters)
        return torch.as_tensor(np.ascontiguousarray(array), dtype=torch.float32)


def _elastic(rng: np.random.Generator, strength: float, shape: Sequence[int]) -> list[Change]:
    if rng.random() > 0.5:
        return []
    size = min(shape)
    return [
        Change(
            "elastic",
            {"seed": _seed(rng), "magnitude": rng.uniform(0.2, 1.0) * 0.06 * size * strength, "sigma": max(1.0, 0.06 * size)},
        )
    ]


def _bspline(rng: np.random.Generator, strength: float, shape: Sequence[int]) -> list[Change]:
    if rng.random() > 0.5:
        return []
    magnitude = rng.uniform(0.2, 1.0) * 0.08 * min(shape) * strength
    return [Change("bspline", {"seed": _seed(rng), "magnitude": magnitude, "control_points": int(rng.integers(5, 9))})]


def _mr_artefacts(rng: np.random.Generator, strength: float, shape: Sequence[int]) -> list[Change]:
    dimension = len(shape)
    terms = dimension + dimension * (dimension + 1) // 2
    found = {
        "bias_field": lambda: {"coefficients": [float(value) for value in rng.uniform(-0.4, 0.4, terms) * strength]},
        "ghosting": lambda: {
            "axis": int(rng.integers(dimension)),
            "ghosts": int(rng.integers(3, 9)),
            "intensity": rng.uniform(0.2, 0.8) * strength,
        },
        "spike": lambda: {
            "place": [float(value) for value in rng.uniform(-0.4, 0.4, dimension)],
            "intensity": rng.uniform(0.02, 0.12) * strength,
        },
        "rician_noise": lambda: {"seed": _seed(rng), "deviation": rng.uniform(0.01, 0.06) * strength},
    }
    return _some(rng, found)


def _ct_artefacts(rng: np.random.Generator, strength: float, shape: Sequence[int]) -> list[Change]:
    return _some(
        rng,
        {
            "rings": lambda: {
                "seed": _seed(rng),
                "amplitude": rng.uniform(0.005, 0.04) * strength,
                "width": rng.uniform(1.0, 3.0),
            },
            "beam_hardening": lambda: {"strength": rng.uniform(0.02, 0.15) * strength},
        },
    )


def _some(rng: np.random.Generator, found: dict[str, Callable[[], dict[str, Any]]]) -> list[Change]:
    return [Change(name, parameters()) for name, parameters in found.items() if rng.random() < _LIKELIHOOD]


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(_LARGEST_SEED))
