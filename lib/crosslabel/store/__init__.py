"""What is kept of a studies folder: images, versioned labels, reviews, scores and leases, safe from crashes and races."""

from crosslabel.store.case_list import CaseRow, CaseState
from crosslabel.store.errors import ConflictError, DiskFullError, StoreBusyError, StoreError
from crosslabel.store.label_rows import Origin
from crosslabel.store.labels import FINAL, ORIGINAL
from crosslabel.store.pool_scans import PoolScan
from crosslabel.store.rankings import Ranked
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
from crosslabel.store.switches import Switch
from crosslabel.store.worklist import Unranked, WaitingCase

__all__ = [
    "FINAL",
    "ORIGINAL",
    "CaseRow",
    "CaseState",
    "ConflictError",
    "DiskFullError",
    "ImageRecord",
    "ImageState",
    "LabelRecord",
    "LabelState",
    "Lease",
    "Origin",
    "PoolScan",
    "Ranked",
    "Review",
    "ScanReport",
    "Score",
    "Store",
    "StoreBusyError",
    "StoreError",
    "Switch",
    "TrainingPolicy",
    "Unranked",
    "Verdict",
    "WaitingCase",
]
