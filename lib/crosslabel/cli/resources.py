"""Tasks and checkpoints as a person names them on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from crosslabel.paths import models_dir, sample_data_dir, tasks_dir

if TYPE_CHECKING:
    from crosslabel.checkpoints import ModelStore
    from crosslabel.tasks import TaskSpec


def task_named(name_or_file: str) -> TaskSpec:
    """A shipped task by its name, or any task by the path of its file.

    Raises:
        NotFoundError: there is no such task.
        TaskError: the file is wrong.
    """
    from crosslabel.tasks import load_task, load_tasks

    if name_or_file.endswith((".yaml", ".yml")):
        return load_task(Path(name_or_file))
    return load_tasks(tasks_dir(), [name_or_file])[name_or_file]


def model_store() -> ModelStore:
    """The trained checkpoints, with the demonstration checkpoints behind them."""
    from crosslabel.checkpoints import ModelStore

    return ModelStore(models_dir(), sample_data_dir() / "checkpoints")


def images_by_id(given: list[Path], out: Path, suffix: str = ".nii.gz") -> dict[str, Path]:
    """The images that were named, by their id.

    Args:
        given: image files, DICOM folders, or folders of images.
        out: folder of the results.
        suffix: that results have instead of an image's.

    Raises:
        DataError: a folder holds no image, two results would have one name, or a result would overwrite an image.
    """
    from crosslabel.errors import DataError
    from crosslabel.images import image_id_of

    found: dict[str, Path] = {}
    for path in (image for entry in given for image in _images_in(entry)):
        name = image_id_of(path)
        if name in found:
            raise DataError(f"{found[name]} and {path} would both become {name}{suffix}; predict them into two folders.")
        if path.resolve() == (out / f"{name}{suffix}").resolve():
            raise DataError(f"The prediction would overwrite the image {path}; give another folder to --out.")
        found[name] = path
    return found


def _images_in(path: Path) -> list[Path]:
    """The path itself, or the images of a folder that is not one DICOM series."""
    from crosslabel.errors import DataError
    from crosslabel.images import is_image_path

    if not path.is_dir() or is_image_path(path):
        return [path]
    images = sorted(child for child in path.iterdir() if is_image_path(child))
    if not images:
        raise DataError(f"No image lies in the folder {path}; give image files, DICOM folders or folders of images.")
    return images
