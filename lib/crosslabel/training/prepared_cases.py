"""Cases, prepared once and kept in memory as far as it goes."""

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
from crosslabel.training.patches import foreground_voxels


@dataclass(frozen=True, eq=False)
class PreparedCase:
    """What training sees of a case.

    Attributes:
        id: the case's id.
        image: (channels, \\*spatial), float32.
        label: (1, \\*spatial) output-channel indices of a segmentation, or the class index as a tensor without axes; ``None``
            for an image without a label.
        foreground: for each output channel but the background that occurs, the flat indices of (some of) its voxels.
        domain: name of the task's domain that it belongs to.
    """

    id: str
    image: torch.Tensor
    label: torch.Tensor | None
    foreground: dict[int, np.ndarray]
    domain: str

    @property
    def truth(self) -> torch.Tensor:
        """The label of a case that has one."""
        if self.label is None:
            raise TypeError(f"case {self.id} has no label")
        return self.label


class PreparedCases:
    """A sequence of prepared cases that keeps the most recently used in memory, so memory does not grow with their number.

    Args:
        task: what the cases are for.
        cases: labelled or not.
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
        domain = prepared.domain.name
        if case.label is None:
            return PreparedCase(case.id, prepared.tensor, None, {}, domain)
        if isinstance(case.label, str):
            return PreparedCase(case.id, prepared.tensor, torch.tensor(self.task.classes.index(case.label)), {}, domain)
        values, grid = case.read_label(self.task)
        label = self._preparation.labels(values, grid, prepared)
        return PreparedCase(case.id, prepared.tensor, label, foreground_voxels(label.numpy()), domain)


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


def _bytes(prepared: PreparedCase) -> int:
    return prepared.image.nbytes + (0 if prepared.label is None else prepared.label.nbytes)
