"""A case: an image on disk and what is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from crosslabel.errors import ImageError
from crosslabel.images import Grid, Modality, read_label
from crosslabel.tasks import DomainSpec, TaskSpec


@dataclass(frozen=True)
class Case:
    """One image, with its label where it has one.

    Attributes:
        id: unique in its data set.
        image: file or DICOM folder.
        label: label file of a segmentation, or the class name of a classification; ``None`` if it is unlabelled.
        modality: what the data set says of the image; ``None`` leaves it to the file.
        sequence: likewise, for MR.
        value_names: what each stored label value means, if the data set says so.
        own_values: the label holds the task's own values (saved by CrossLabel), so nothing is mapped.
        patient: whose image it is, where that is known; a split keeps a patient's images together.
        domain: name of the task's domain that it belongs to if neither the file nor ``modality`` says what it is.
        slices: number (along the last stored axis) and class of those slices of a volume that have a class of their own.
    """

    id: str
    image: Path
    label: Path | str | None
    modality: Modality | None = None
    sequence: str | None = None
    value_names: dict[int, str] | None = field(default=None, hash=False)
    own_values: bool = False
    patient: str | None = None
    domain: str | None = None
    slices: tuple[tuple[int, str], ...] = ()

    @property
    def group(self) -> str:
        """What must not be torn apart by a split: the patient where it is known, else the image alone."""
        return self.id if self.patient is None else self.patient

    def read_label(self, task: TaskSpec) -> tuple[np.ndarray, Grid]:
        """The label in the task's values, and its grid.

        Raises:
            ImageError: the file is unreadable, or holds values that cannot be mapped; the message names the case.
        """
        if not isinstance(self.label, Path):
            raise TypeError(f"case {self.id} has no label file")
        values, grid = read_label(self.label, dimension=task.dimension)
        try:
            if self.own_values:
                task.indices_of(values)
                return values.astype(np.uint16), grid
            return task.map_labels(values, self.value_names), grid
        except ImageError as error:
            raise ImageError(f"{self.label.name}: {error}") from error


def given_as(domain: DomainSpec, cases: Sequence[Case]) -> list[Case]:
    """Cases that belong to a domain as far as they do not say what they are."""
    return [replace(case, domain=domain.name) for case in cases]
