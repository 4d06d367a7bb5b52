"""Class labels of a task as rows: out to a CSV file, in from one or from class folders."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from crosslabel.data.spreadsheets import harmless, read_table
from crosslabel.errors import DataError
from crosslabel.files import replacing
from crosslabel.images import image_id_of, is_image_path
from crosslabel.store.label_rows import Origin
from crosslabel.store.labels import FINAL
from crosslabel.store.records import ImageRecord, LabelRecord, TrainingPolicy
from crosslabel.store.store import Store
from crosslabel.tasks import TaskSpec

_SLICE_TAG = re.compile(r"slice-(\d+)\Z")
COLUMNS = ("image", "class", "slice", "sure", "author", "created", "comment", "patient", "state", "version")


def slice_tag(number: int) -> str:
    """Tag of the labels of one slice of a volume, which have a current version of their own."""
    return f"slice-{number}"


@dataclass(frozen=True)
class ClassRow:
    """The current class of an image, or of one of its slices.

    Attributes:
        image: its record.
        label: the version.
        slice: ``None`` for the whole image.
    """

    image: ImageRecord
    label: LabelRecord
    slice: int | None

    def values(self) -> dict[str, str]:
        """As a line of a CSV file; what is unknown is empty."""
        sure = self.label.params.get("sure")
        return {
            "image": self.image.id,
            "class": str(self.label.class_name),
            "slice": "" if self.slice is None else str(self.slice),
            "sure": "" if sure is None else str(sure).lower(),
            "author": self.label.author,
            "created": _iso(self.label.created),
            "comment": self.label.comment,
            "patient": self.image.patient,
            "state": self.label.state.value,
            "version": str(self.label.version),
        }


def class_rows(store: Store, task: TaskSpec) -> list[ClassRow]:
    """The current classes of all images and slices, by image; the whole image before its slices."""
    rows = []
    for image in store.images.list():
        for tag in _tags(store, task, image.id):
            label = store.labels.current(task.name, image.id, tag)
            if label is not None and label.class_name is not None:
                found = _SLICE_TAG.match(tag)
                rows.append(ClassRow(image, label, int(found.group(1)) if found else None))
    return sorted(rows, key=lambda row: (row.image.id, -1 if row.slice is None else row.slice))


def slice_classes(
    store: Store, task: TaskSpec, policy: TrainingPolicy = TrainingPolicy.FINAL
) -> dict[str, tuple[tuple[int, str], ...]]:
    """Number and class of the slices whose labels may train, by image."""
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for tag in store.labels.tags_of(task.name):
        if number := _SLICE_TAG.match(tag):
            for label in store.reviews.for_training(task.name, policy, tag):
                if label.class_name in task.classes:
                    found[label.image_id].append((int(number.group(1)), str(label.class_name)))
    return {image_id: tuple(sorted(slices)) for image_id, slices in found.items()}


def export_csv(store: Store, task: TaskSpec, path: Path) -> int:
    """Write the current classes to a CSV file in one step; gives their number; raises DataError if the path is a folder's.

    ``image`` and ``class`` of whole images are the columns that training reads, where the file lies beside the images.
    """
    if path.is_dir():
        raise DataError(f"{path} is a folder; give the name of the CSV file to write.")
    rows = class_rows(store, task)
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows({name: harmless(value) for name, value in row.values().items()} for row in rows)
    return len(rows)


@dataclass(frozen=True)
class _Entry:
    """A class that is to be saved, and where it was read."""

    image: str
    class_name: str
    place: str
    slice: int | None = None
    params: tuple[tuple[str, object], ...] = ()
    comment: str = ""

    def changes(self, current: LabelRecord) -> bool:
        """Whether it says anything that a current label does not; who saved that is no matter."""
        told = {name: value for name, value in self.params if name == "sure"}
        same = all(current.params.get(name) == value for name, value in told.items())
        return current.class_name != self.class_name or not same or self.comment not in ("", current.comment)


def import_classes(store: Store, task: TaskSpec, source: Path, author: str) -> int:
    """Save classes from a CSV file (columns ``image``, ``class``; ``slice``, ``sure``, ``comment`` may be there) or from class
    folders, whose images are matched with those of the store by id or file name. All of them, or none.

    Args:
        store: where the images are.
        task: a classification task.
        source: the file or folder.
        author: who stands for them.

    Returns:
        How many were saved; a class that is the current one already is not saved again, unless a comment or how sure it is
        is new.

    Raises:
        DataError: nobody stands for them, an image is not in the store, its name fits several, a class is not the task's, or
            an image has no such slice.
    """
    if not author.strip():
        raise DataError("Say who stands for the labels: the author is empty.")
    entries = list(_from_csv(source) if source.is_file() else _from_folders(source))
    if not entries:
        raise DataError(f"No class was found in {source}; give a CSV file with the columns image and class, or class folders.")
    by_name: dict[str, list[str]] = defaultdict(list)
    images = store.images.list()
    for image in images:
        by_name[image.id].append(image.id)
        by_name[image.id.rsplit("/", 1)[-1]].append(image.id)
    checked = [(_matched(entry, by_name), entry) for entry in entries]
    _check(task, checked, {image.id: image.summary.shape for image in images if image.summary is not None})
    new = []
    for image_id, entry in checked:
        tag = FINAL if entry.slice is None else slice_tag(entry.slice)
        current = store.labels.current(task.name, image_id, tag)
        if current is None or entry.changes(current):
            origin = Origin(author, entry.comment, params=dict(entry.params))
            new.append((image_id, entry.class_name, origin, tag))
    return len(store.labels.save_classes(task.name, new))


def _check(task: TaskSpec, entries: Sequence[tuple[str, _Entry]], shapes: Mapping[str, Sequence[int]]) -> None:
    """Refuse what cannot be meant, as a slice that an image of such a shape (where it is known) has not; raises DataError."""
    places: dict[tuple[str, int | None], str] = {}
    for image_id, entry in entries:
        if entry.class_name not in task.classes:
            raise DataError(f"{entry.place}: '{entry.class_name}' is no class of {task.name} ({', '.join(task.classes)}).")
        shape = shapes.get(image_id)
        if entry.slice is not None and shape is not None and len(shape) == 2:
            raise DataError(f"{entry.place}: '{image_id}' is a picture and has no slices; leave the slice empty.")
        if entry.slice is not None and shape is not None and entry.slice >= shape[2]:
            raise DataError(f"{entry.place}: '{image_id}' only has slices 0 to {shape[2] - 1}; correct the number.")
        before = places.setdefault((image_id, entry.slice), entry.place)
        if before != entry.place:
            raise DataError(f"{entry.place}: '{image_id}' has a class already at {before}; keep one. Nothing was imported.")


def _from_csv(path: Path) -> Iterator[_Entry]:
    for place, row in read_table(path, ("image", "class")):
        piece, sure = row.get("slice", ""), row.get("sure", "").lower()
        if piece and not piece.isdigit():
            raise DataError(f"{place}: the slice '{piece}' is no number; write its index, or leave it empty.")
        if sure not in ("", "true", "false"):
            raise DataError(f"{place}: sure is '{sure}'; write true or false, or leave it empty.")
        params: dict[str, object] = {"sure": sure == "true"} if sure else {}
        if piece:
            params["slice"] = int(piece)
        comment = row.get("comment", "")
        yield _Entry(row["image"], row["class"], place, int(piece) if piece else None, tuple(params.items()), comment)


def _from_folders(folder: Path) -> Iterator[_Entry]:
    if not folder.is_dir():
        raise DataError(f"{folder} does not exist; give a CSV file or a folder with one folder for each class.")
    # A folder that is no class is refused with the other entries, not passed over.
    for below in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        for path in sorted(below.iterdir()):
            if is_image_path(path):
                yield _Entry(path.name, below.name, f"{below.name}/{path.name}")


def _matched(entry: _Entry, by_name: dict[str, list[str]]) -> str:
    path = PurePosixPath(entry.image)
    whole = (path.parent / image_id_of(Path(path.name))).as_posix()
    names = (entry.image, whole, whole.rsplit("/", 1)[-1])
    found = next((set(by_name[name]) for name in names if by_name.get(name)), set())
    if not found:
        raise DataError(f"{entry.place}: there is no image '{entry.image}' among the studies; nothing was imported.")
    if len(found) > 1:
        choices = ", ".join(sorted(found)[:3])
        raise DataError(f"{entry.place}: '{entry.image}' may be {choices}; write the whole id. Nothing was imported.")
    return found.pop()


def _tags(store: Store, task: TaskSpec, image_id: str) -> Sequence[str]:
    tags = [tag for name, tag in store.labels.tasks_of(image_id) if name == task.name]
    return [tag for tag in tags if tag == FINAL or _SLICE_TAG.match(tag)]


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
