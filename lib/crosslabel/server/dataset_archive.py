"""A zip of images and labels, as MONAI Label offers it."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from crosslabel.images.naming import suffix_of
from crosslabel.store import LabelRecord, Store
from crosslabel.store.stock_layout import CLASS_SUFFIX


def write_dataset_archive(store: Store, labels: Sequence[LabelRecord]) -> Path:
    """Pack labels with their images; the caller removes the file.

    Images lie below ``image/``, labels below ``label/TASK/``; ``metadata.json`` tells of each label who saved it, when
    and from which proposal.
    """
    with tempfile.NamedTemporaryFile(prefix="crosslabel-dataset-", suffix=".zip", delete=False) as file:
        path = Path(file.name)
    try:
        with zipfile.ZipFile(path, "w") as archive:
            for image_id in sorted({label.image_id for label in labels}):
                _add_image(archive, store.images.path(image_id), image_id)
            for label in labels:
                _add_label(archive, label)
            archive.writestr("metadata.json", json.dumps([_described(label) for label in labels], indent=2))
    except BaseException:
        path.unlink()
        raise
    return path


def _add_image(archive: zipfile.ZipFile, image: Path, image_id: str) -> None:
    if not image.is_dir():
        archive.write(image, f"image/{image_id}{suffix_of(image)}")
        return
    for slice_ in sorted(image.iterdir()):
        if slice_.is_file():
            archive.write(slice_, f"image/{image_id}/{slice_.name}")


def _add_label(archive: zipfile.ZipFile, label: LabelRecord) -> None:
    stem = f"label/{label.task}/{label.image_id}"
    if label.path is None:
        archive.writestr(f"{stem}{CLASS_SUFFIX}", json.dumps({"class": label.class_name}))
    else:
        archive.write(label.path, f"{stem}{suffix_of(label.path)}")


def _described(label: LabelRecord) -> dict[str, str | int]:
    return {
        "task": label.task,
        "image": label.image_id,
        "version": label.version,
        "author": label.author,
        "proposal": label.proposal,
        "state": label.state.value,
        "sha256": label.sha256,
        "created": label.created.isoformat(),
    }
