"""A task: what is annotated, on which images, and how the network that does it is built and trained."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from crosslabel.errors import ImageError, TaskError
from crosslabel.images import Modality
from crosslabel.tasks.classification_settings import AugmentationSpec, BalanceSpec, TransferSpec, TrustSpec
from crosslabel.tasks.settings import (
    NAME_PATTERN,
    ActiveLearningSpec,
    AdaptationSpec,
    Block,
    DomainSpec,
    DomainsSpec,
    LabelSpec,
    NetworkSpec,
    TrainingSpec,
)

Kind = Literal["segmentation", "classification"]


@dataclass(frozen=True)
class Eligibility:
    """Whether a task may be offered an image, and if not, why."""

    ok: bool
    reason: str = ""

    def __bool__(self) -> bool:
        return self.ok


class TaskSpec(Block):
    """One task file, checked.

    Axis-wise settings (``spacing`` in mm, ``patch`` in voxels) follow the axes of ``orientation``, the direction in which
    each array axis grows (``RAS``: right, anterior, superior). Pictures of two dimensions have no orientation or spacing;
    their ``patch`` is (rows, columns) in pixels.
    """

    schema_version: Literal[1] = Field(alias="schema")
    name: str = Field(pattern=NAME_PATTERN)
    title: str
    description: str = ""
    kind: Kind
    dimension: Literal[2, 3] = 3
    labels: tuple[LabelSpec, ...] = ()
    classes: tuple[str, ...] = ()
    domains: DomainsSpec
    read_labels: dict[str, tuple[int, ...]] = Field(default_factory=dict)
    orientation: str = Field("RAS", pattern=r"^[RLAPSI]{3}$")
    spacing: tuple[float, ...] | None = None
    patch: tuple[int, ...]
    network: NetworkSpec
    checkpoint: str | None = None
    training: TrainingSpec = TrainingSpec()
    transfer: TransferSpec = TransferSpec()
    balance: BalanceSpec = BalanceSpec()
    augmentation: AugmentationSpec = AugmentationSpec()
    trust: TrustSpec = TrustSpec()
    adaptation: AdaptationSpec = AdaptationSpec()
    active_learning: ActiveLearningSpec = ActiveLearningSpec()

    @field_validator("read_labels", mode="before")
    @classmethod
    def _as_lists(cls, mapping: object) -> object:
        if isinstance(mapping, dict):
            return {name: (value,) if isinstance(value, int) else value for name, value in mapping.items()}
        return mapping

    @model_validator(mode="after")
    def _names(self) -> TaskSpec:
        if self.kind == "segmentation":
            self._check_segmentation()
            self._check_no_classification_settings()
        else:
            self._check_classification()
        self._check_geometry()
        return self

    def _check_segmentation(self) -> None:
        if not self.labels or self.classes:
            raise ValueError("a segmentation task lists 'labels' and no 'classes'")
        for field in ("name", "value"):
            values = [getattr(label, field) for label in self.labels]
            for value in values:
                if values.count(value) > 1:
                    raise ValueError(f"labels: the {field} {value!r} is used twice; each label needs its own {field}")
        names = {label.name for label in self.labels}
        domains = [domain.name for domain in self.domains.all]
        for label in self.labels:
            for domain in label.looks:
                if domain not in domains:
                    raise ValueError(f"labels: {label.name} looks: '{domain}' is no domain; use {', '.join(domains)}")
        sources: dict[int, str] = {}
        for name, values in self.read_labels.items():
            if name not in names:
                raise ValueError(f"read_labels: '{name}' is not a label of this task; use one of {sorted(names)}")
            for value in values:
                if value in sources:
                    raise ValueError(f"read_labels: {value} is given to '{sources[value]}' and to '{name}'; keep it once")
                sources[value] = name

    def _check_classification(self) -> None:
        if self.labels or self.read_labels:
            raise ValueError("a classification task lists 'classes' and neither 'labels' nor 'read_labels'")
        if self.network.input != "image":
            raise ValueError(f"network.input: '{self.network.input}' is for segmentation; leave it out")
        if len(self.classes) < 2:
            raise ValueError("classes: at least two class names are needed")
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("classes: a class name is used twice; each class needs its own name")
        for name in (*self.balance.costs, *(called for costs in self.balance.costs.values() for called in costs)):
            if name not in self.classes:
                raise ValueError(f"balance.costs: '{name}' is no class of this task; use {', '.join(self.classes)}")

    def _check_no_classification_settings(self) -> None:
        for name in ("transfer", "balance", "augmentation", "trust"):
            if getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"{name}: only classification tasks have it; leave it out")

    def _check_geometry(self) -> None:
        axes = {frozenset(pair) for pair in ("RL", "AP", "SI")}
        if {pair for pair in axes for letter in self.orientation if letter in pair} != axes:
            raise ValueError(f"orientation: '{self.orientation}' names an axis twice; write for example 'RAS'")
        if len(self.patch) != self.dimension or min(self.patch) < 1:
            raise ValueError(f"patch: {self.dimension} positive numbers are needed for {self.dimension}-D images")
        if self.dimension == 3 and self.spacing is None:
            raise ValueError("spacing: a 3-D task needs the voxel size in mm, for example [1.5, 1.5, 3.0]")
        if self.spacing is not None and (len(self.spacing) != self.dimension or min(self.spacing) <= 0):
            raise ValueError(f"spacing: {self.dimension} positive numbers in mm are needed for {self.dimension}-D images")
        if any(not 0 <= axis < self.dimension for axis in self.training.flip_axes):
            raise ValueError(f"training.flip_axes: axes are numbered 0 to {self.dimension - 1}")

    @property
    def label_values(self) -> dict[str, int]:
        """Value of every label's voxels, by name; the background is 0."""
        return {label.name: label.value for label in self.labels}

    @property
    def output_names(self) -> tuple[str, ...]:
        """Meaning of the network's output channels: background and the labels in their order, or the classes."""
        if self.kind == "classification":
            return self.classes
        return ("background", *(label.name for label in self.labels))

    @property
    def channels(self) -> int:
        """Number of input channels, the same in every domain."""
        return self.domains.target.channels

    @property
    def slice_axis(self) -> int | None:
        """Axis of ``orientation`` along which the network sees volumes slice by slice; ``None`` if it sees images whole."""
        if self.kind != "classification" or self.dimension != 3 or not self.network.name.startswith("torchvision."):
            return None
        return int(self.network.arguments.get("slice_axis", 2))

    @property
    def single_indices(self) -> tuple[int, ...]:
        """Output channels of the structures that are in one piece."""
        return tuple(index for index, label in enumerate(self.labels, start=1) if label.single)

    @property
    def looks(self) -> dict[int, int]:
        """Of the structures whose look on the target domain is known, by output channel: 1 if brighter, -1 if darker."""
        stated = {index: label.looks.get(self.domains.target.name) for index, label in enumerate(self.labels, start=1)}
        return {index: 1 if look == "brighter" else -1 for index, look in stated.items() if look is not None}

    @cached_property
    def _value_of_index(self) -> np.ndarray:
        return np.array([0, *(label.value for label in self.labels)], dtype=np.uint16)

    def values_of(self, indices: np.ndarray) -> np.ndarray:
        """Label values (uint16) for output-channel indices of any shape."""
        return self._value_of_index[indices]

    def indices_of(self, values: np.ndarray) -> np.ndarray:
        """Output-channel indices (uint8) for label values of any shape.

        Raises:
            ImageError: a value is neither 0 nor one of the task's.
        """
        table = {0: 0, **{label.value: index for index, label in enumerate(self.labels, start=1)}}
        return _replace(values, table, self.name)

    def map_labels(self, values: np.ndarray, names: dict[int, str] | None = None) -> np.ndarray:
        """Translate a data set's label values into the task's.

        Args:
            values: integers of any shape, as stored by the data set.
            names: what each stored value means, if the data set says so; where it names one of the task's labels (in any
                case), it comes before the task's ``read_labels``.

        Returns:
            Label values (uint16). Structures that the task does not know become background.

        Raises:
            ImageError: nothing says what the values mean and one of them is not the task's.
        """
        known = self.label_values
        by_plain_name = {name.lower(): value for name, value in known.items()}
        stated = {value: by_plain_name.get(name.lower(), 0) for value, name in (names or {}).items()}
        if any(stated.values()):
            pairs = stated
        elif self.read_labels:
            pairs = {value: known[name] for name, values in self.read_labels.items() for value in values}
            pairs.update({int(value): 0 for value in np.unique(values) if int(value) not in pairs})
        else:
            pairs = {value: value for value in known.values()}
        return _replace(values, {0: 0, **pairs}, self.name).astype(np.uint16)

    def eligible(self, dimension: int, modality: Modality | None, sequence: str | None = None) -> Eligibility:
        """Whether an image with these properties may be offered for this task; an unknown modality is not held against it."""
        if dimension != self.dimension:
            return Eligibility(False, f"{self.name} is for {self.dimension}-D images and this one is {dimension}-D")
        if modality is None or any(domain.accepts(modality, sequence) for domain in self.domains.all):
            return Eligibility(True)
        wanted = " or ".join(domain.spoken for domain in self.domains.all)
        found = modality.value if sequence is None else f"{modality.value} {sequence}"
        return Eligibility(False, f"{self.name} is for {wanted} and this image is {found}")

    def domain_of(self, modality: Modality | None, sequence: str | None = None) -> DomainSpec:
        """The domain whose rules apply to an image.

        Raises:
            TaskError: the modality is unknown and the domains treat images differently, so somebody has to say it.
            ImageError: the image is of a modality that the task is not for.
        """
        if modality is None:
            if len({(domain.channels, domain.intensity) for domain in self.domains.all}) == 1:
                return self.domains.target
            wanted = " or ".join(domain.spoken for domain in self.domains.all)
            raise TaskError(
                f"Is this image {wanted}? {self.name} prepares them differently and the file does not say; give the modality "
                '(--modality, or params {"modality": "..."}) or put a JSON sidecar with "Modality" beside the image.'
            )
        for domain in self.domains.all:
            if domain.accepts(modality, sequence):
                return domain
        raise ImageError(self.eligible(self.dimension, modality, sequence).reason + ".")


def _replace(values: np.ndarray, table: dict[int, int], task: str) -> np.ndarray:
    found, inverse = np.unique(values, return_inverse=True)
    unknown = [int(value) for value in found if int(value) not in table]
    if unknown:
        raise ImageError(
            f"The label holds the value {unknown[0]}, which task {task} does not know (it knows {sorted(table)}); "
            "map it under 'read_labels' in the task file or correct the label."
        )
    replaced = np.array([table[int(value)] for value in found], dtype=np.uint16)
    return replaced[inverse].reshape(values.shape)
