"""The studies folder as a MONAI Label datastore."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock
from monailabel.datastore.local import LocalDatastore

from crosslabel.errors import DataError, ImageError, NotFoundError
from crosslabel.files import write_json
from crosslabel.images import IMAGE_SUFFIXES, ImageSummary, describe_image, is_image_path, read_image
from crosslabel.tasks import TaskSpec

CLASS_LABEL_SUFFIX = ".json"
_SUFFIXES = sorted((*IMAGE_SUFFIXES, CLASS_LABEL_SUFFIX), key=len, reverse=True)


def _guarded(method: Callable[..., Any]) -> Callable[..., Any]:
    """Routes and a file watcher run in threads and all change MONAI Label's index, a plain dict."""

    @functools.wraps(method)
    def call(self: Studies, *args: Any, **kwargs: Any) -> Any:
        with self._guard:
            return method(self, *args, **kwargs)

    return call


class Studies(LocalDatastore):
    """Images and labels in MONAI Label's layout: images and DICOM series folders beside ``labels/TAG/``.

    Args:
        folder: the studies folder.
        watch: follow files that are added or removed while running.
        read_only: leave the folder's index as it is, for processes beside the server.

    Raises:
        DataError: the folder's index is damaged.
    """

    def __init__(self, folder: Path, *, watch: bool, read_only: bool) -> None:
        self._guard = threading.RLock()
        self._summaries: dict[str, tuple[float, ImageSummary | ImageError]] = {}
        self._verified: set[str] = set()
        extensions = [f"*{suffix}" for suffix in _SUFFIXES]
        try:
            super().__init__(str(folder), extensions=extensions, auto_reload=watch, read_only=read_only)
        except ValueError as error:
            raise DataError(
                f"The index datastore_v2.json in {folder} is damaged; restore it, or move it away and the labels "
                "in labels/ are found again."
            ) from error

    refresh = _guarded(LocalDatastore.refresh)
    list_images = _guarded(LocalDatastore.list_images)
    get_labeled_images = _guarded(LocalDatastore.get_labeled_images)
    get_unlabeled_images = _guarded(LocalDatastore.get_unlabeled_images)
    status = _guarded(LocalDatastore.status)
    json = _guarded(LocalDatastore.json)
    datalist = _guarded(LocalDatastore.datalist)
    add_image = _guarded(LocalDatastore.add_image)
    save_label = _guarded(LocalDatastore.save_label)
    update_image_info = _guarded(LocalDatastore.update_image_info)
    update_label_info = _guarded(LocalDatastore.update_label_info)

    def image_path(self, image_id: str) -> Path:
        """File or DICOM folder of a study.

        Raises:
            NotFoundError: there is no such study.
        """
        uri = self.get_image_uri(image_id)
        if not uri or not Path(uri).exists():
            raise NotFoundError(f"There is no image '{image_id}' among the studies; GET /api/v1/images lists them.")
        return Path(uri)

    def remove_image(self, image_id: str) -> None:
        """Remove a study and its labels; they are gone when this returns, not only when the watcher notices."""
        with self._guard:
            super().remove_image(image_id)
            self.refresh()

    def remove_label(self, label_id: str, label_tag: str) -> None:
        """Remove a label; it is gone when this returns."""
        with self._guard:
            super().remove_label(label_id, label_tag)
            self.refresh()

    def summary(self, image_id: str) -> ImageSummary:
        """What the headers of a study tell; kept until the file changes.

        Raises:
            NotFoundError: there is no such study.
            ImageError: it cannot be read.
        """
        path = self.image_path(image_id)
        try:
            changed = path.stat().st_mtime
        except OSError as error:
            raise ImageError(f"The image '{image_id}' was removed or cannot be opened; restore the file.") from error
        known = self._summaries.get(image_id)
        if known is None or known[0] != changed:
            self._verified.discard(image_id)
            known = self._summaries[image_id] = (changed, _describe(path))
        if isinstance(known[1], ImageError):
            raise known[1]
        return known[1]

    def is_readable(self, image_id: str) -> bool:
        """Whether the voxels of a study can be read; read once, until the file changes.

        A damaged file often has a good header, so that only this tells. What was found is kept as the summary.
        """
        try:
            self.summary(image_id)
            if image_id not in self._verified:
                read_image(self.image_path(image_id))
                self._verified.add(image_id)
        except NotFoundError:
            return False
        except ImageError as error:
            changed, _ = self._summaries[image_id]
            self._summaries[image_id] = (changed, error)
            return False
        return True

    def is_eligible(self, image_id: str, task: TaskSpec) -> bool:
        """Whether a study can be read and is of the kind that a task is for."""
        try:
            summary = self.summary(image_id)
        except (ImageError, NotFoundError):
            return False
        return bool(task.eligible(summary.dimension, summary.modality, summary.sequence))

    def _list_files(self, path: str, patterns: list[str]) -> dict[str, str]:
        names = [child.name for child in Path(path).iterdir() if not child.name.startswith(".")]
        if Path(path) == Path(self._datastore.image_path()):
            return {name: name for name in names if is_image_path(Path(path, name))}
        return {name: name for name in names if name.lower().endswith(tuple(_SUFFIXES))}

    def _to_id(self, file: str) -> tuple[str, str]:
        # MONAI Label replaces the suffix anywhere in the name and takes the dots of a folder's name for one.
        suffix = next((suffix for suffix in _SUFFIXES if file.lower().endswith(suffix)), "")
        stem = file[: len(file) - len(suffix)]
        return stem, file[len(stem) :]

    def _update_datastore_file(self, lock: bool = True) -> None:
        # MONAI Label rewrites its index in place, and a server killed meanwhile never starts again.
        with FileLock(self._lock_file) if lock else contextlib.nullcontext():
            index = Path(self._datastore_config_path)
            write_json(index, self._datastore.model_dump(mode="json", exclude={"base_path"}))
            self._config_ts = index.stat().st_mtime


def _describe(path: Path) -> ImageSummary | ImageError:
    try:
        return describe_image(path)
    except ImageError as error:
        return error
