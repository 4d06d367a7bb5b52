"""What the store knows, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

from crosslabel.images import ImageSummary, Modality


class ImageState(str, Enum):
    """Whether an image can be worked on: ``MISSING`` ones keep their labels and come back with their file."""

    READY = "ready"
    UNREADABLE = "unreadable"
    MISSING = "missing"


class LabelState(str, Enum):
    """Where a label stands in review."""

    SUBMITTED = "submitted"
    APPROVED = "approved"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"


class Verdict(str, Enum):
    """What a reviewer decided about a label."""

    APPROVED = "approved"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"
    ADJUDICATED = "adjudicated"


class TrainingPolicy(str, Enum):
    """Which labels train: ``FINAL`` ones that no reviewer sent back, or ``APPROVED`` ones only."""

    FINAL = "final"
    APPROVED = "approved"


@dataclass(frozen=True)
class ImageRecord:
    """One study: an image file or a DICOM series folder.

    Attributes:
        id: path within the studies folder without the suffix, with ``/``; kept for good once given.
        path: absolute.
        state: whether it can be worked on.
        reason: one sentence that says why it is unreadable; empty otherwise.
        summary: what its headers tell; None while it is unreadable.
        patient: pseudonym, the same for all images of one patient.
        study: pseudonym, the same for all images of one examination.
        verified: the voxels were read too, since the file last changed.
        added: when it was first seen.
        changed: when its content was last seen to change; a label that is older was drawn on something else.
        info: whatever clients attached to it.
    """

    id: str
    path: Path
    state: ImageState
    reason: str
    summary: ImageSummary | None
    patient: str
    study: str
    verified: bool
    added: datetime
    changed: datetime
    info: Mapping[str, Any] = field(default_factory=dict)

    @property
    def modality(self) -> Modality | None:
        return None if self.summary is None else self.summary.modality


@dataclass(frozen=True)
class LabelRecord:
    """One version of a label: a file, or the name of a class.

    Attributes:
        id: in the database.
        task: name of the task.
        image_id: the image that it belongs to.
        version: 1, 2, ... for the pair of task and image, whatever the tag.
        tag: ``final``, ``original`` or another.
        path: absolute path of the file; None for a class.
        class_name: the class; None for a file.
        sha256: of the file's bytes, or of the class name.
        author: who saved it.
        comment: of the author.
        proposal: name of the checkpoint whose proposal it started from; empty if none.
        params: whatever came with it.
        parents: the versions that it was made from.
        state: where it stands in review.
        created: when.
    """

    id: int
    task: str
    image_id: str
    version: int
    tag: str
    path: Path | None
    class_name: str | None
    sha256: str
    author: str
    comment: str
    proposal: str
    params: Mapping[str, Any]
    parents: tuple[int, ...]
    state: LabelState
    created: datetime


@dataclass(frozen=True)
class Review:
    """A verdict about one version of a label."""

    version: int
    reviewer: str
    verdict: Verdict
    comment: str
    created: datetime


@dataclass(frozen=True)
class Score:
    """A number that a checkpoint gave an image, such as how unsure it is."""

    image_id: str
    name: str
    value: float
    checkpoint: str
    updated: datetime


@dataclass(frozen=True)
class Lease:
    """An image that somebody has been handed for a task, until ``expires``."""

    task: str
    image_id: str
    holder: str
    expires: datetime
