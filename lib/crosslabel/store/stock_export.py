"""From the store into MONAI Label's own layout: the final labels of one task, for tools that know no other."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from crosslabel.errors import ImageError
from crosslabel.files import replacing, sha256_of, write_json
from crosslabel.images.naming import suffix_of
from crosslabel.store.errors import in_sentences
from crosslabel.store.labels import FINAL
from crosslabel.store.records import ImageRecord, LabelRecord
from crosslabel.store.stock_layout import CLASS_SUFFIX, INDEX, StockLabel, stock_labels
from crosslabel.store.store import Store

# MONAI Label holds it while it reads or writes its index.
_LOCK = ".lock"


def export_stock_layout(store: Store, *tasks: str) -> int:
    """Write ``datastore_v2.json`` and ``labels/final`` for some tasks; gives the number of final labels there.

    Without a task, for all that have labels. The layout holds one label for each image: the newest.

    Labels are copied, never linked, for MONAI Label overwrites files in place. What an earlier export left of labels that
    are no longer current is removed; what the store does not hold, such as a label that was not imported yet, is left
    alone. Each file, and the index after them, appears whole or not at all.
    """
    images = [image for image in store.images.list(None) if _suffix_in_stock(store, image) is not None and image.path.exists()]
    names = tasks or store.labels.tasks()
    current = _newest(store, names)
    exported: set[Path] = set()
    with in_sentences(), FileLock(store.folders.studies / _LOCK):
        lying = {label.path: label for label in stock_labels(store.folders) if label.tag == FINAL}
        for image in images:
            if image.id in current:
                place = store.folders.labels / FINAL / f"{image.id}{_label_suffix(current[image.id])}"
                if _may_replace(store, lying.get(place)):
                    _put(current[image.id], place)
                    exported.add(place)
        _remove_outdated(store, lying.values(), exported)
        write_json(
            store.folders.studies / INDEX,
            {
                "name": "crosslabel",
                "description": f"Final labels of {', '.join(names)}",
                "images_dir": ".",
                "labels_dir": "labels",
                "objects": {image.id: _entry(store, image, current.get(image.id)) for image in images},
            },
        )
    return len(exported)


def _newest(store: Store, tasks: Sequence[str]) -> Mapping[str, LabelRecord]:
    found = [label for task in tasks for label in store.labels.current_of_all(task)]
    return {label.image_id: label for label in sorted(found, key=lambda label: (label.created, label.id))}


def _suffix_in_stock(store: Store, image: ImageRecord) -> str | None:
    """What MONAI Label has to add to the id to find the file; None where that does not lead there."""
    path = store.folders.relative(image.path)
    return path[len(image.id) :] if path.startswith(image.id) else None


def _entry(store: Store, image: ImageRecord, label: LabelRecord | None) -> Mapping[str, Any]:
    suffix = _suffix_in_stock(store, image)
    info = {**image.info, "ts": int(image.added.timestamp()), "name": f"{image.id}{suffix}"}
    labels = {} if label is None else {FINAL: {"ext": _label_suffix(label), "info": _label_info(label)}}
    return {"image": {"ext": suffix, "info": info}, "labels": labels}


def _label_info(label: LabelRecord) -> Mapping[str, Any]:
    return {
        **label.params,
        "task": label.task,
        "version": label.version,
        "author": label.author,
        "ts": int(label.created.timestamp()),
        "name": f"{label.image_id}{_label_suffix(label)}",
    }


def _label_suffix(label: LabelRecord) -> str:
    return CLASS_SUFFIX if label.path is None else suffix_of(label.path)


def _may_replace(store: Store, there: StockLabel | None) -> bool:
    return there is None or store.labels.knows(there.image_id, _sha256(there))


def _put(label: LabelRecord, place: Path) -> None:
    if label.path is None:
        write_json(place, {"class": label.class_name})
    elif not place.is_file() or sha256_of(place) != label.sha256:
        with replacing(place) as temporary:
            shutil.copyfile(label.path, temporary)


def _remove_outdated(store: Store, lying: Collection[StockLabel], exported: Collection[Path]) -> None:
    for label in lying:
        if label.path not in exported and _may_replace(store, label):
            label.path.unlink()


def _sha256(label: StockLabel) -> str:
    """Empty for a class label that names no class, which the store cannot hold."""
    try:
        return label.sha256
    except ImageError:
        return ""
