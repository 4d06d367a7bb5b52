"""Checkpoints with provenance: one file each, versions by task."""

from crosslabel.checkpoints.checkpoint import (
    Checkpoint,
    describe_network,
    load_checkpoint,
    save_checkpoint,
)
from crosslabel.checkpoints.lineage import learnt_by, record_of_start, seen_images
from crosslabel.checkpoints.store import BeingTrainedError, ModelStore, Version

__all__ = [
    "BeingTrainedError",
    "Checkpoint",
    "ModelStore",
    "Version",
    "describe_network",
    "learnt_by",
    "load_checkpoint",
    "record_of_start",
    "save_checkpoint",
    "seen_images",
]
