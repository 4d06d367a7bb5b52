"""The store of the studies folder as a MONAI Label datastore."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monailabel.interfaces.datastore import Datastore

from crosslabel.images import image_id_of
from crosslabel.images.naming import suffix_of
from crosslabel.server.annotation import Annotation
from crosslabel.server.dataset_archive import write_dataset_archive
from crosslabel.server.upkeep import Upkeep
from crosslabel.store import FINAL, ORIGINAL, ImageRecord, LabelRecord, Store
from crosslabel.store.stock_layout import CLASS_SUFFIX
from crosslabel.tasks import TaskSpec

_UNKNOWN = "unknown"


class Studies(Annotation, Datastore):
    """:class:`Annotation` in the words of MONAI Label, whose requests name no task.

    A label's id is that of its image, as in MONAI Label. Where several tasks have a label of the same image and tag, a
    request that does not say which is refused with their names.
    """

    def __init__(self, store: Store, tasks: Mapping[str, TaskSpec], upkeep: Upkeep) -> None:
        super().__init__(store, tasks, upkeep)
        self._name = "crosslabel"
        self._description = ""

    def name(self) -> str:
        return self._name

    def set_name(self, name: str) -> None:
        self._name = name

    def description(self) -> str:
        return self._description

    def set_description(self, description: str) -> None:
        self._description = description

    def list_images(self) -> list[str]:
        return [image.id for image in self.records()]

    def datalist(self) -> list[dict[str, Any]]:
        paths = {image.id: image.path for image in self.records()}
        return [
            {"image": str(paths[label.image_id]), "label": str(label.path or label.class_name), "task": label.task}
            for label in self.final_labels()
            if label.image_id in paths
        ]

    def get_image(self, image_id: str, params: Any = None) -> io.BytesIO:
        return io.BytesIO(self.image_path(image_id).read_bytes())

    def get_image_uri(self, image_id: str) -> str:
        return str(self.image_path(image_id))

    def get_image_info(self, image_id: str) -> dict[str, Any]:
        image = self.store.images.get(image_id)
        return {**image.info, "ts": int(image.added.timestamp()), "name": image.path.name, "path": str(image.path)}

    def get_label(self, label_id: str, label_tag: str, params: Any = None) -> io.BytesIO:
        return io.BytesIO(Path(self.get_label_uri(label_id, label_tag)).read_bytes())

    def get_label_uri(self, label_id: str, label_tag: str) -> str:
        """Path of a label file; empty for a class, which has none."""
        path = self.label(label_id, label_tag).path
        return "" if path is None else str(path)

    def get_label_info(self, label_id: str, label_tag: str) -> dict[str, Any]:
        return label_info(self.label(label_id, label_tag))

    def get_labels_by_image_id(self, image_id: str) -> dict[str, str]:
        return {tag: image_id for _, tag in self.store.labels.tasks_of(image_id)}

    def get_label_by_image_id(self, image_id: str, tag: str) -> str:
        return self.get_labels_by_image_id(image_id).get(tag, "")

    def get_labeled_images(self, label_tag: str | None = None, labels: Sequence[str] | None = None) -> list[str]:
        """Images with a final label of any task, as MONAI Label means it whatever tag is given."""
        return sorted({image_id for _, image_id in self.store.labels.pairs()})

    def get_unlabeled_images(self, label_tag: str | None = None, labels: Sequence[str] | None = None) -> list[str]:
        labelled = set(self.get_labeled_images())
        return [image_id for image_id in self.list_images() if image_id not in labelled]

    def get_dataset_archive(self, limit_cases: int | None) -> str:
        labels = self.final_labels()
        return str(write_dataset_archive(self.store, labels[:limit_cases] if limit_cases else labels))

    def refresh(self) -> None:
        """Look through the folder now."""
        self.store.scan()
        self.upkeep.changed()

    def add_image(self, image_id: str | None, image_filename: str, image_info: Mapping[str, Any] | None) -> str:
        added = self.store.images.add(image_id or image_id_of(image_filename), Path(image_filename))
        if image_info:
            self.store.images.merge_info(added, image_info)
        self.upkeep.changed()
        return added

    def remove_image(self, image_id: str) -> None:
        self.store.images.remove(image_id)
        self.upkeep.changed()

    def save_label(self, image_id: str, label_filename: str, label_tag: str, label_info: Mapping[str, Any]) -> str:
        author = label_info.get("user") or label_info.get("client_id") or _UNKNOWN
        return self.submit(image_id, Path(label_filename), label_tag, label_info, author=str(author)).image_id

    def remove_label(self, label_id: str, label_tag: str) -> None:
        self.withdraw(label_id, label_tag, None, reviewer=_UNKNOWN)

    def update_image_info(self, image_id: str, info: Mapping[str, Any]) -> None:
        self.store.images.merge_info(image_id, info)
        self.upkeep.changed()

    def update_label_info(self, label_id: str, label_tag: str, info: Mapping[str, Any], task: str | None = None) -> None:
        label = self.label(label_id, label_tag, task)
        self.store.labels.merge_params(label.task, label.image_id, label.version, info)
        self.upkeep.changed()

    def status(self) -> dict[str, Any]:
        # Asked for every few seconds by every client, so the rows themselves are not read.
        pairs = self.store.labels.pairs()
        scanned, to_scan = self.upkeep.progress
        return {
            "total": self.store.images.count(),
            "completed": len({image_id for _, image_id in pairs}),
            "label_tags": {FINAL: len(pairs)} if pairs else {},
            "completed_by_task": {name: sum(task == name for task, _ in pairs) for name in self.tasks},
            "scan": {"running": self.upkeep.scanning, "done": scanned, "total": to_scan},
        }

    def json(self) -> dict[str, Any]:
        """As MONAI Label's index: images and labels by id, with the newest label of each tag."""
        objects = {image.id: {"image": self._image_entry(image), "labels": {}} for image in self.records()}
        for task in self.store.labels.tasks():
            for tag in (ORIGINAL, FINAL):
                for label in self.store.labels.current_of_all(task, tag):
                    if label.image_id in objects:
                        objects[label.image_id]["labels"][tag] = {"ext": _suffix(label), "info": label_info(label)}
        return {"name": self._name, "description": self._description, "objects": objects}

    def _image_entry(self, image: ImageRecord) -> dict[str, Any]:
        suffix = "" if image.path.is_dir() else suffix_of(image.path)
        return {"ext": suffix, "info": {**image.info, "ts": int(image.added.timestamp()), "name": image.path.name}}


def label_info(label: LabelRecord) -> dict[str, Any]:
    """What MONAI Label calls the info of a label."""
    return {
        **label.params,
        "task": label.task,
        "version": label.version,
        "author": label.author,
        "state": label.state.value,
        "ts": int(label.created.timestamp()),
        "name": f"{label.image_id}{_suffix(label)}",
    }


def _suffix(label: LabelRecord) -> str:
    return CLASS_SUFFIX if label.path is None else suffix_of(label.path)
