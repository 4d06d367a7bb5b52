"""Labelled cases, prepared once and kept in memory as far as it goes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from crosslabel.data import Case
from crosslabel.errors import CrossLabelError, DataError
from crosslabel.images import read_image
from crosslabel.preparation import Preparation
from crosslabel.tasks import TaskSpec


@dataclass(frozen=True, eq=False)
class PreparedCase:
    """What training sees of a case.

    Attributes:
        id: the case's id.
        image: (channels, \\*spatial), float32.
        label: (1, \\*spatial) output-channel indices of a segmentation, or the class index as a tensor without axes.
        foreground: for each output channel but the background that occurs, the flat indices of (some of) its voxels.
    """

    id: str
    image: torch.Tensor
    label: torch.Tensor
    foreground: dict[int, np.ndarray]


class PreparedCases:
    """A sequence of prepared cases that keeps the most recently used in memory, so memory does not grow with their number.

    Args:
        task: what the cases are for.
        cases: the labelled cases.
        limit: how many bytes of images may be kept.
    """

    def __init__(self, task: TaskSpec, cases: Sequence[Case], limit: int = 2 * 1024**3) -> None:
        self.task = task
        self.cases = list(cases)
        self._memory = _Memory(limit)
        self._preparation = Preparation(task)

    def of(self, cases: Sequence[Case]) -> PreparedCases:
        """Some of the cases, sharing this sequence's memory."""
        part = PreparedCases(self.task, cases)
        part._memory = self._memory
        return part

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: int) -> PreparedCase:
        case = self.cases[index]
        return self._memory.get(case.id, lambda: self._prepare(case))

    def set_aside_unusable(self) -> dict[str, str]:
        """Prepare every case once and set aside those that cannot be used.

        Returns:
            Why, by the id of each case that was set aside.

        Raises:
            DataError: there were cases, and none of them is left.
        """
        reasons: dict[str, str] = {}
        for index, case in enumerate(self.cases):
            try:
                self[index]
            except CrossLabelError as error:
                reasons[case.id] = str(error)
        if reasons and len(reasons) == len(self.cases):
            id, reason = next(iter(reasons.items()))
            raise DataError(f"None of the {len(self.cases)} cases can be used; the first, {id}: {reason}")
        self.cases = [case for case in self.cases if case.id not in reasons]
        return reasons

    def _prepare(self, case: Case) -> PreparedCase:
        prepared = self._preparation.forward(read_image(case.image, modality=case.modality, sequence=case.sequence))
        if isinstance(case.label, str):
            return PreparedCase(case.id, prepared.tensor, torch.tensor(self.task.classes.index(case.label)), {})
        values, grid = case.read_label(self.task)
        label = self._preparation.labels(values, grid, prepared)
        return PreparedCase(case.id, prepared.tensor, label, _foreground(label.numpy()))


class _Memory:
    """The most recently used prepared cases, up to a number of bytes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._kept: OrderedDict[str, PreparedCase] = OrderedDict()
        self._size = 0

    def get(self, id: str, prepare: Callable[[], PreparedCase]) -> PreparedCase:
        if id not in self._kept:
            self._kept[id] = prepare()
            self._size += _bytes(self._kept[id])
        self._kept.move_to_end(id)
        found = self._kept[id]
        while self._size > self.limit and len(self._kept) > 1:
            self._size -= _bytes(self._kept.popitem(last=False)[1])
        return found


def _foreground(label: np.ndarray, most: int = 10_000) -> dict[int, np.ndarray]:
    """Up to ``most`` voxels of each label, evenly spread, to centre patches on."""
    flat = label.ravel()
    found = {int(index): np.flatnonzero(flat == index) for index in np.unique(flat) if index != 0}
    return {index: voxels[:: max(1, len(voxels) // most)] for index, voxels in found.items()}


def _bytes(prepared: PreparedCase) -> int:
    return prepared.image.nbytes + prepared.label.nbytes
