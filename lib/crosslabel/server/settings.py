"""How one server is set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path


class IdentityPolicy(str, Enum):
    """What becomes of a DICOM upload that says who the patient is: taken with a warning, refused, or stripped of it."""

    WARN = "warn"
    REFUSE = "refuse"
    REMOVE = "remove"


@dataclass(frozen=True)
class Settings:
    """What the person who starts the server decides.

    Attributes:
        max_upload_bytes: largest body of an upload.
        max_upload_voxels: largest image, channels counted: a small compressed file can hold more than the memory.
        inference_seconds: longest time for one image, waiting for others included.
        identities: what becomes of DICOM uploads that name a person.
        train_on: which labels train, ``final`` ones that no reviewer sent back, or ``approved`` ones only.
        sources: folders of labelled source images by name, to adapt from.
    """

    max_upload_bytes: int = 2 * 10**9
    max_upload_voxels: int = 2**29
    inference_seconds: float = 600.0
    identities: IdentityPolicy = IdentityPolicy.WARN
    train_on: str = "final"
    sources: Mapping[str, Path] = field(default_factory=dict)
