"""What a server answers, as values that cannot change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Label:
    """A structure: its name, the value of its voxels in label files, and its colour as ``#rrggbb``."""

    name: str
    value: int
    color: str


@dataclass(frozen=True)
class Task:
    """Something that the server can predict.

    Attributes:
        kind: ``segmentation`` or ``classification``.
        dimension: 2 for pictures, 3 for volumes.
        available: whether it can predict now; ``reason`` says why not.
        checkpoint: name of the weights that predict; empty where there are none.
        demonstration: these weights only show how things work.
        modalities: of the images that it annotates, such as ``MR``; empty where the server does not say.
    """

    name: str
    title: str
    kind: str
    dimension: int
    labels: tuple[Label, ...] = ()
    classes: tuple[str, ...] = ()
    available: bool = True
    reason: str = ""
    checkpoint: str = ""
    demonstration: bool = False
    modalities: tuple[str, ...] = ()


@dataclass(frozen=True)
class Server:
    """A server that answered.

    Attributes:
        strategies: (name, title) of the ways to choose the next case.
        stock: it is MONAI Label without CrossLabel's own interface.
        missing: for each feature that it lacks, the reason in a sentence; see :data:`features.FEATURES`.
    """

    name: str
    version: str
    tasks: tuple[Task, ...]
    capabilities: frozenset[str]
    strategies: tuple[tuple[str, str], ...] = ()
    stock: bool = False
    missing: Mapping[str, str] = field(default_factory=dict)

    def task(self, name: str) -> Task | None:
        return next((task for task in self.tasks if task.name == name), None)


@dataclass(frozen=True)
class Why:
    """Why a case comes next: its score and its rank among the ``of`` that wait, and a sentence."""

    score: float | None = None
    rank: int | None = None
    of: int | None = None
    sentence: str = ""
    strategy: str = ""
    checkpoint: str = ""


@dataclass(frozen=True)
class Case:
    """A study of a task.

    Attributes:
        state: ``unlabelled``, ``labelled``, ``returned``, ``leased`` or ``skipped``.
        patient: pseudonym, the same for all images of a patient.
        lease_expires: ISO 8601, until when nobody else gets it.
        author: of its label, or who has it in hand.
        updated: ISO 8601.
    """

    id: str
    state: str = "unlabelled"
    patient: str = ""
    pinned: bool = False
    why: Why | None = None
    lease_expires: str = ""
    author: str = ""
    updated: str = ""


@dataclass(frozen=True)
class Cases:
    """One page of cases, and how many match in all."""

    total: int
    cases: tuple[Case, ...]


@dataclass(frozen=True)
class Study:
    """An image of the server with what is known of it; ``problem`` says why it cannot be read."""

    id: str
    patient: str
    study: str
    modality: str = ""
    sequence: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Proposal:
    """A predicted segmentation.

    Attributes:
        path: of the label file.
        label_values: value of its voxels by segment's name.
        volumes_ml, confidence, quality: by segment's name; None where nothing can be said, empty where the server does not
            say. ``quality`` is an estimate of the Dice score.
        warnings: sentences for the person who annotates.
    """

    path: Path
    label_values: Mapping[str, int]
    volumes_ml: Mapping[str, float | None] = field(default_factory=dict)
    confidence: Mapping[str, float | None] = field(default_factory=dict)
    quality: Mapping[str, float | None] = field(default_factory=dict)
    checkpoint: str = ""
    demonstration: bool = False
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class SliceWeight:
    """How much a slice counted for the class: its index along an axis of the image's array (0 is i)."""

    index: int
    axis: int
    weight: float


@dataclass(frozen=True)
class ClassAnswer:
    """A predicted class.

    Attributes:
        probabilities: (class, probability), the most likely first.
        decision: the class that the server decided for by what its mistakes cost; empty where it does not say.
        calibrated: the probabilities were fitted to how often they are right; None where the server does not say.
        in_distribution: the image looks like those that were learnt from.
        slices: those that counted most, the first most.
    """

    probabilities: tuple[tuple[str, float], ...]
    decision: str = ""
    calibrated: bool | None = None
    in_distribution: bool | None = None
    uncertainty: float | None = None
    slices: tuple[SliceWeight, ...] = ()
    checkpoint: str = ""
    demonstration: bool = False

    @property
    def best(self) -> str:
        """The most likely class."""
        return self.probabilities[0][0] if self.probabilities else ""

    @property
    def answer(self) -> str:
        """What the server answers: its decision, else the most likely class."""
        return self.decision or self.best


@dataclass(frozen=True)
class MapFile:
    """A float map in the image's grid; ``kind`` is ``heatmap`` or ``uncertainty``."""

    path: Path
    kind: str
    task: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Saved:
    """A label that the server has taken; ``version`` and ``id`` are None where it keeps no versions."""

    image: str
    task: str
    version: int | None = None
    id: int | None = None


@dataclass(frozen=True)
class LabelVersion:
    """One version of the label of a task and an image."""

    id: int
    version: int
    author: str
    comment: str
    state: str
    created: str
    class_name: str = ""
