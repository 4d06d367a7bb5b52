"""What is kept of a studies folder: images, versioned labels, reviews, scores and leases, safe from crashes and races."""

from crosslabel.store.errors import ConflictError, DiskFullError, StoreBusyError, StoreError
from crosslabel.store.label_rows import Origin
from crosslabel.store.labels import FINAL, ORIGINAL
from crosslabel.store.records import (
    ImageRecord,
    ImageState,
    LabelRecord,
    LabelState,
    Lease,
    Review,
    Score,
    TrainingPolicy,
    Verdict,
)
from crosslabel.store.scanning import ScanReport
from crosslabel.store.store import Store

__all__ = [
    "FINAL",
    "ORIGINAL",
    "ConflictError",
    "DiskFullError",
    "ImageRecord",
    "ImageState",
    "LabelRecord",
    "LabelState",
    "Lease",
    "Origin",
    "Review",
    "ScanReport",
    "Score",
    "Store",
    "StoreBusyError",
    "StoreError",
    "TrainingPolicy",
    "Verdict",
]
