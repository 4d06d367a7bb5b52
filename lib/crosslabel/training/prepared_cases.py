"""Cases, prepared once and kept in memory as far as it goes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from crosslabel.data import Case
from crosslabel.errors import CrossLabelError, DataError, ImageError
from crosslabel.images import read_image
from crosslabel.preparation import Preparation, Prepared, classes_of_slices
from crosslabel.tasks import TaskSpec
from crosslabel.training.memory import Memory
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
        voxel_volume: mL of one voxel of the prepared grid; 1 for pictures, whose structures are counted in pixels.
        slices: class index of the slices of a volume that have a class of their own, by number in the prepared volume.
    """

    id: str
    image: torch.Tensor
    label: torch.Tensor | None
    foreground: dict[int, np.ndarray]
    domain: str
    voxel_volume: float
    slices: dict[int, int]

    @property
    def nbytes(self) -> int:
        """Bytes of image and label."""
        return self.image.nbytes + (0 if self.label is None else self.label.nbytes)

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
        self.limit = limit
        self._memory: Memory[PreparedCase] = Memory(limit)
        self._preparation = Preparation(task)

    def of(self, cases: Sequence[Case]) -> PreparedCases:
        """Some of the cases, sharing this sequence's memory."""
        part = PreparedCases(self.task, cases, self.limit)
        part._memory = self._memory
        return part

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: int) -> PreparedCase:
        case = self.cases[index]
        return self._memory.get(case.id, lambda: self._prepare(case))

    def set_aside_unusable(
        self,
        look: Callable[[PreparedCase], None] = lambda case: None,
        before_each: Callable[[int, int], None] = lambda number, count: None,
    ) -> dict[str, str]:
        """Prepare every case once and set aside those that cannot be used.

        Args:
            look: is shown every case; a case that it refuses with a :class:`CrossLabelError` is set aside too.
            before_each: told which case of how many is read next, the first being 1; may raise to end it.

        Returns:
            Why, by the id of each case that was set aside.

        Raises:
            DataError: there were cases, and none of them is left.
        """
        reasons: dict[str, str] = {}
        for index, case in enumerate(self.cases):
            before_each(index + 1, len(self.cases))
            try:
                look(self[index])
            except CrossLabelError as error:
                reasons[case.id] = str(error)
        if reasons and len(reasons) == len(self.cases):
            id, reason = next(iter(reasons.items()))
            raise DataError(f"None of the {len(self.cases)} cases can be used; the first, {id}: {reason}")
        self.cases = [case for case in self.cases if case.id not in reasons]
        return reasons

    def without_damaged_labels(self) -> dict[str, str]:
        """Let images whose label cannot be used be unlabelled ones; those that cannot be read themselves are left alone.

        Returns:
            What is wrong with the label, by the id of each case that lost it.
        """
        reasons: dict[str, str] = {}
        for index, case in enumerate(self.cases):
            if case.label is None:
                continue
            try:
                self[index]
            except CrossLabelError as error:
                bare = replace(case, label=None)
                with contextlib.suppress(CrossLabelError):
                    self._prepare(bare)
                    self.cases[index] = bare
                    reasons[case.id] = str(error)
        return reasons

    def prepare(self, case: Case) -> Prepared:
        """Read and prepare the image of a case, past the memory.

        Raises:
            CrossLabelError: it cannot be read, or does not fit the task.
        """
        image = read_image(case.image, modality=case.modality, sequence=case.sequence)
        domain = next((one for one in self.task.domains.all if one.name == case.domain), None)
        if domain is not None and image.modality in (None, domain.modality) and image.sequence is None:
            image = replace(image, modality=domain.modality, sequence=domain.sequence)
        return self._preparation.forward(image)

    def _prepare(self, case: Case) -> PreparedCase:
        prepared = self.prepare(case)
        label, foreground = self._label(case, prepared)
        volume = prepared.grid.voxel_volume_ml if self.task.dimension == 3 else 1.0
        slices = self._slices(case, prepared)
        return PreparedCase(case.id, prepared.tensor, label, foreground, prepared.domain.name, volume, slices)

    def _label(self, case: Case, prepared: Prepared) -> tuple[torch.Tensor | None, dict[int, np.ndarray]]:
        if case.label is None:
            return None, {}
        if isinstance(case.label, str):
            return torch.tensor(self.task.classes.index(case.label)), {}
        values, grid = case.read_label(self.task)
        label = self._preparation.labels(values, grid, prepared)
        return label, foreground_voxels(label.numpy())

    def _slices(self, case: Case, prepared: Prepared) -> dict[int, int]:
        if self.task.slice_axis is None:
            return {}
        count = prepared.source.shape[2]
        for number, name in case.slices:
            if number >= count:
                raise ImageError(
                    f"Slice {number} is labelled {name}, but the volume only has slices 0 to {count - 1}; correct the number."
                )
        classes = {number: self.task.classes.index(name) for number, name in case.slices}
        return classes_of_slices(prepared, self.task.slice_axis, classes)
