"""Slices of volumes that have a class of their own, as lessons beside the volumes."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import torch
from torch.nn import functional as F

from crosslabel.augmentation import Augmentation, Stream, stream
from crosslabel.tasks import TaskSpec
from crosslabel.training.prepared_cases import PreparedCases


class LabelledSlices:
    """Batches of slices, drawn so that every class that slices show is as likely.

    A slice is handed out as a volume of one slice: the attention over it is 1, so that trunk and head answer for the slice
    alone, and what they learn of it tells the attention over a whole volume where to look. It is augmented as a picture.

    Args:
        task: a classification of volumes, seen slice by slice.
        cases: volumes, of which some slices may have a class.
    """

    def __init__(self, task: TaskSpec, cases: PreparedCases) -> None:
        self.task = task
        self.cases = cases
        found: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for index, case in enumerate(cases.cases):
            for number, class_index in cases[index].slices.items() if case.slices else ():
                found[class_index].append((index, number))
        self._members = dict(sorted(found.items()))
        self._augmentation = Augmentation(_of_pictures(task)) if found else None

    def __len__(self) -> int:
        return sum(len(members) for members in self._members.values())

    def likelihood(self) -> np.ndarray:
        """(classes,), how likely each class is drawn."""
        likelihood = np.zeros(len(self.task.classes))
        likelihood[list(self._members)] = 1 / max(1, len(self._members))
        return likelihood

    def batch(self, *numbers: int) -> tuple[torch.Tensor, torch.Tensor]:
        """A training batch known by numbers (seed, epoch, draw).

        Returns:
            Images (batch, channels, \\*patch) with one slice along the slice axis, and targets (batch, classes), one-hot.
        """
        assert self._augmentation is not None
        assert self.task.slice_axis is not None
        axis = 1 + self.task.slice_axis
        rng = stream(numbers, Stream.SLICES)
        classes = [int(rng.choice(list(self._members))) for _ in range(self.task.training.batch_size)]
        images = []
        for place, class_index in enumerate(classes):
            members = self._members[class_index]
            index, number = members[int(rng.integers(len(members)))]
            picture = self.cases[index].image.select(axis, number)
            changes = self._augmentation.draw(*numbers, Stream.CHANGES_OF_SLICES, place)
            images.append(self._augmentation.apply(picture, changes).unsqueeze(axis))
        return torch.stack(images), F.one_hot(torch.tensor(classes), len(self.task.classes)).float()


def _of_pictures(task: TaskSpec) -> TaskSpec:
    """The task as one of its slices would be seen: two axes, and the flips that lie in them."""
    kept = [axis for axis in range(3) if axis != task.slice_axis]
    flips = tuple(kept.index(axis) for axis in task.training.flip_axes if axis in kept)
    training = task.training.model_copy(update={"flip_axes": flips})
    patch = tuple(task.patch[axis] for axis in kept)
    return task.model_copy(update={"dimension": 2, "patch": patch, "training": training})
