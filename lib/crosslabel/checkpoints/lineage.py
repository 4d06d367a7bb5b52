"""What a version has learnt from, by its provenance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crosslabel.checkpoints.store import ModelStore, Version


def record_of_start(store: ModelStore, start: Version | None) -> Mapping[str, Any]:
    """Record of the version that a training begins with; empty for fresh weights and for a demonstration's."""
    return {} if start is None or start.demonstration else store.record(start)


def learnt_by(record: Mapping[str, Any]) -> list[str]:
    """Keys of the labels that the learning loop taught a version, in its own training or in an earlier one's."""
    return list(record.get("learning", {}).get("learnt_from", ()))


def seen_images(record: Mapping[str, Any]) -> set[str]:
    """Ids of the images whose labels a version has learnt from, by whatever training, or the version that it began with."""
    data = record.get("data", {})
    roles = ("training", "target_labelled", "seen_before")
    return {key.rpartition("@")[0] for key in learnt_by(record)}.union(*(data.get(role, ()) for role in roles))
