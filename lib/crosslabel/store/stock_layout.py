"""MONAI Label's own layout: ``datastore_v2.json`` beside the images, and ``labels/TAG/IMAGE_ID.SUFFIX``.

It knows neither tasks nor versions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crosslabel.errors import ImageError
from crosslabel.files import sha256_of
from crosslabel.images import image_id_of
from crosslabel.images.naming import suffix_of
from crosslabel.store.folders import Folders
from crosslabel.store.label_rows import Content
from crosslabel.store.labels import FINAL, LABEL_SUFFIXES, ORIGINAL

INDEX = "datastore_v2.json"
CLASS_SUFFIX = ".json"
_TAGS = (FINAL, ORIGINAL)


@dataclass(frozen=True)
class StockLabel:
    """A label file in the layout.

    Attributes:
        path: absolute.
        tag: the folder that it lies in.
        image_id: by its name.
        info: what the index tells of it.
    """

    path: Path
    tag: str
    image_id: str
    info: Mapping[str, Any]

    @property
    def is_class(self) -> bool:
        return self.path.suffix == CLASS_SUFFIX

    @property
    def class_name(self) -> str | None:
        """The class that the file names; None for a segmentation.

        Raises:
            ImageError: the file is anything but ``{"class": "NAME"}``.
        """
        return read_class_label(self.path) if self.is_class else None

    @property
    def sha256(self) -> str:
        """As the store would give it.

        Raises:
            ImageError: as :attr:`class_name`.
        """
        name = self.class_name
        return sha256_of(self.path) if name is None else Content.of_class(name).sha256


def stock_labels(folders: Folders) -> Iterator[StockLabel]:
    """The label files of the layout, sorted by tag and path.

    An index that is broken, as MONAI Label leaves it when it is killed, costs what it told of the labels but no label.
    """
    entries = _entries(folders.studies / INDEX)
    for tag in _TAGS:
        folder = folders.labels / tag
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            below = path.relative_to(folder)
            hidden = any(part.startswith(".") for part in below.parts)
            if not hidden and path.is_file() and folders.holds(path) and _is_label(path):
                stem = path.stem if path.suffix == CLASS_SUFFIX else image_id_of(path)
                image_id = below.with_name(stem).as_posix()
                yield StockLabel(path, tag, image_id, _info(entries, image_id, tag))


def _is_label(path: Path) -> bool:
    return path.suffix == CLASS_SUFFIX or suffix_of(path) in LABEL_SUFFIXES


def _entries(path: Path) -> Mapping[str, Any]:
    try:
        objects = json.loads(path.read_text(encoding="utf-8"))["objects"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return objects if isinstance(objects, dict) else {}


def _info(entries: Mapping[str, Any], image_id: str, tag: str) -> Mapping[str, Any]:
    try:
        info = entries[image_id]["labels"][tag]["info"]
    except (KeyError, TypeError):
        return {}
    return info if isinstance(info, dict) else {}


def read_class_label(path: Path) -> str:
    """The class in a classification's label file, ``{"class": NAME}``.

    Raises:
        ImageError: the file is anything else.
    """
    try:
        name = json.loads(path.read_text(encoding="utf-8"))["class"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ImageError('A class label is a JSON file that holds {"class": "NAME"}; this one does not.') from error
    if not isinstance(name, str) or not name:
        raise ImageError('A class label names one class: {"class": "NAME"}.')
    return name
