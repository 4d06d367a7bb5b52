"""Images of a folder that nobody has labelled, or only some."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from crosslabel.data.cases import Case
from crosslabel.data.layouts import case_id, images_in, labelled_cases
from crosslabel.data.lists import LIST_SUFFIXES, listed_cases
from crosslabel.data.value_names import names_of_labels
from crosslabel.errors import DataError
from crosslabel.images import image_id_of
from crosslabel.tasks import TaskSpec

# Where the layouts of labelled data keep their images.
_IMAGE_FOLDERS = ("imagesTr", "imagesTs", "images")


def unlabelled_cases(folder: Path) -> list[Case]:
    """All images of a folder, sorted by id, without a label: those in it, else those in its imagesTr, imagesTs and images.

    Args:
        folder: a folder, or a list (see :func:`listed_cases`) whose labels are passed over.

    Raises:
        DataError: there is no such folder, no image in it, two of one name, or an image in several channels, as nnU-Net
            stores them.
    """
    if folder.is_file() and folder.suffix in LIST_SUFFIXES:
        return [replace(case, label=None) for case in listed_cases(folder)]
    if not folder.is_dir():
        raise DataError(f"The folder {folder} does not exist; give one that holds images.")
    paths = list(images_in(folder))
    if not paths:
        paths = [path for name in _IMAGE_FOLDERS if (folder / name).is_dir() for path in images_in(folder / name)]
    if not paths:
        raise DataError(f"No image was found in {folder}, nor in {', '.join(_IMAGE_FOLDERS)} below it.")
    _check_channels(paths)
    cases: dict[str, Case] = {}
    for path in paths:
        other = cases.setdefault(case_id(path), Case(case_id(path), path, None))
        if other.image != path:
            raise DataError(f"{other.image} and {path} have one name but for folder and suffix; rename one of them.")
    return [cases[id] for id in sorted(cases)]


def images_of_any_class(folder: Path, task: TaskSpec) -> list[Case]:
    """All images of a folder, or of class folders or a ``labels.csv`` in it, whose classes are passed over.

    Args:
        folder: of images.
        task: a classification; the names of class folders are its classes.

    Raises:
        DataError: as :func:`unlabelled_cases` and :func:`labelled_cases`.
    """
    in_classes = folder.is_dir() and (
        (folder / "labels.csv").is_file() or any((folder / name).is_dir() for name in task.classes)
    )
    if not in_classes:
        return unlabelled_cases(folder)
    return [replace(case, label=None) for case in labelled_cases(folder, task)]


def _check_channels(paths: Sequence[Path]) -> None:
    """A patient's second channel is no second patient."""
    first = {image_id_of(path): path for path in paths if image_id_of(path).endswith("_0000")}
    # Under a single name, 0000, 0001 and so on number the images.
    for path in paths if len(first) > 1 else ():
        name, _, number = image_id_of(path).rpartition("_")
        if re.fullmatch(r"\d{4}", number) and number != "0000" and f"{name}_0000" in first:
            raise DataError(
                f"{path.name} is named like a further channel of {first[f'{name}_0000'].name}, and only one is read; move the "
                "further channels away, or name the images in a CSV list."
            )


def with_labels(cases: list[Case], folder: Path, *, own_values: bool) -> tuple[list[Case], list[Path]]:
    """Cases with the label files of a folder that are called like their images.

    Args:
        cases: unlabelled.
        folder: label files; a served folder's ``labels/final/`` or a Decathlon folder's ``labelsTr/`` is found below it. A
            ``dataset.json`` in it or beside it says what their values mean.
        own_values: the files hold the task's own values, as those of ``labels/final/`` always do.

    Returns:
        The cases, and the label files that are called like none of them.

    Raises:
        DataError: the folder is missing, or no file in it is called like an image.
    """
    if not folder.is_dir():
        raise DataError(f"The folder {folder} does not exist; give one that holds labels of target images.")
    below = next((folder / name for name in ("labels/final", "labelsTr", "labels") if (folder / name).is_dir()), folder)
    own = own_values or below == folder / "labels/final"
    labels = {case_id(path): path for path in images_in(below)}
    names = names_of_labels(below)
    known = [
        replace(case, label=labels[case.id], value_names=names, own_values=own) if case.id in labels else case for case in cases
    ]
    if not any(case.label for case in known):
        raise DataError(f"No label in {below} is called like a target image; name each label as its image.")
    ids = {case.id for case in cases}
    return known, [path for id, path in labels.items() if id not in ids]
