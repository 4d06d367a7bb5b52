"""Folders of labelled data in the layouts that are met in practice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from crosslabel.data.cases import Case
from crosslabel.data.lists import LIST_SUFFIXES, listed_cases
from crosslabel.data.spreadsheets import read_table
from crosslabel.data.value_names import names_of_labels, names_of_values
from crosslabel.errors import DataError
from crosslabel.images import Modality, image_id_of, is_image_path
from crosslabel.tasks import TaskSpec

# (images, labels) folders by layout: Medical Segmentation Decathlon and nnU-Net, MONAI Label, plain.
_PAIRED_LAYOUTS = (("imagesTr", "labelsTr"), (".", "labels/final"), ("images", "labels"))


def labelled_cases(folder: Path, task: TaskSpec, *, own_values: bool = False) -> list[Case]:
    """All labelled cases of a folder, sorted by id.

    Segmentation: ``imagesTr/`` beside ``labelsTr/`` (Decathlon, nnU-Net; a ``dataset.json`` names the label values), MONAI
    Label's layout (images beside ``labels/final/``), ``images/`` beside ``labels/``, or a CSV or JSON list in place of the
    folder (:func:`~crosslabel.data.listed_cases`). Classification: one folder for each class, or ``labels.csv`` (or
    another such file in place of the folder) with the columns ``image``, ``class`` and, where it is known, ``patient``; a line
    with a ``slice`` is of that slice of a volume, which has a line of its own.

    Args:
        folder: the data set, or a list of it.
        task: what to read it for.
        own_values: the label files hold the task's own values, whatever the task's ``read_labels`` says.

    Raises:
        DataError: the folder is missing, is in no known layout, or holds no labelled image.
    """
    if folder.is_file() and folder.suffix in LIST_SUFFIXES and task.kind == "segmentation":
        listed = [case for case in listed_cases(folder, own_values=own_values) if case.label is not None]
        if not listed:
            raise DataError(f"No case in {folder.name} has a label; give the label files under 'label'.")
        return listed
    if folder.is_file() and folder.suffix == ".csv":
        return sorted(_from_table(folder, task), key=lambda case: case.id)
    if not folder.is_dir():
        raise DataError(f"The folder {folder} does not exist; give one that holds labelled images.")
    cases = _paired(folder, task, own_values) if task.kind == "segmentation" else _classes(folder, task)
    if not cases:
        raise DataError(f"No labelled image was found in {folder}; {_expected(task)}")
    return sorted(cases, key=lambda case: case.id)


def passed_over(folder: Path, task: TaskSpec) -> list[str]:
    """What lies among the labelled images of a classification and takes no part, a sentence for each or for all alike.

    Args:
        folder: as of :func:`labelled_cases`, which can be read.
        task: what to read it for.
    """
    table = folder if folder.is_file() else folder / "labels.csv"
    if task.kind == "segmentation":
        return []
    if table.is_file():
        lines = [row for _, row in read_table(table)]
        whole = {row["image"] for row in lines if not row.get("slice")}
        alone = sorted({row["image"] for row in lines} - whole)
        listed = {_image_called(table.parent / row["image"]) for row in lines}
        below = [table.parent, *(path for path in table.parent.iterdir() if path.is_dir() and not is_image_path(path))]
        unlisted = sum(path not in listed for place in below for path in images_in(place))
        return [
            *(f"slices of {name} have a class and the volume has none; give it a line without a slice" for name in alone),
            *([f"{unlisted} images beside {table.name} are not listed in it"] if unlisted else []),
        ]
    others = [
        path
        for name in task.classes
        if (folder / name).is_dir()
        for path in sorted((folder / name).iterdir())
        if not is_image_path(path) and not path.name.startswith(".")
    ]
    return [
        f"{path.relative_to(folder)} is {'a folder below a class' if path.is_dir() else 'no image of a format that is read'}"
        for path in others
    ]


def cases_of(images: Path, labels: Path | None, task: TaskSpec, *, own_values: bool = False) -> list[Case]:
    """Labelled cases whose labels may lie in a folder of their own, sorted by id.

    Args:
        images: folder of images; a data set in a known layout if ``labels`` is None.
        labels: folder of label files called like their images; of a classification the class folders' or table's place.
        task: what to read it for.
        own_values: the label files hold the task's own values.

    Raises:
        DataError: a folder is missing, or no image has a label.
    """
    if labels is None or task.kind == "classification":
        return labelled_cases(images if labels is None else labels, task, own_values=own_values)
    for folder in (images, labels):
        if not folder.is_dir():
            raise DataError(f"The folder {folder} does not exist; give one that holds images or labels.")
    cases = _matching(_by_id(images), labels, names_of_labels(labels), own_values)
    if not cases:
        raise DataError(f"No label in {labels} is called like an image in {images}; labels carry the names of their images.")
    return sorted(cases, key=lambda case: case.id)


def case_id(path: Path) -> str:
    """nnU-Net marks the channel in the image's name (``case_0000.nii.gz``) and not in the label's."""
    return image_id_of(path).removesuffix("_0000")


def _paired(folder: Path, task: TaskSpec, own_values: bool) -> list[Case]:
    for images, labels in _PAIRED_LAYOUTS:
        if (folder / labels).is_dir() and (folder / images).is_dir():
            # MONAI Label writes the task's own values.
            own = own_values or labels == "labels/final"
            return _matching(_by_id(folder / images), folder / labels, names_of_values(folder), own)
    for images, labels in _PAIRED_LAYOUTS:
        if (folder / images).is_dir() and any(images_in(folder / images)):
            raise DataError(f"{folder} holds images and no labels: {folder / labels} is missing; {_expected(task)}")
    raise DataError(f"{folder} is in no known layout; {_expected(task)}")


def _by_id(folder: Path, id_of: Callable[[Path], str] = case_id) -> dict[str, Path]:
    """The images of a folder by id, sorted by path."""
    found: dict[str, Path] = {}
    for path in images_in(folder):
        other = found.setdefault(id_of(path), path)
        if other is not path:
            raise DataError(
                f"{other.name} and {path.name} in {folder} have one name but for the suffix, and so one id; rename one of them."
            )
    return found


def _matching(images: dict[str, Path], labels: Path, names: dict[int, str] | None, own_values: bool) -> list[Case]:
    """The label files of a folder that are called like one of the images."""
    return [
        Case(id, images[id], path, value_names=names, own_values=own_values)
        for path in images_in(labels)
        if (id := image_id_of(path)) in images
    ]


def _classes(folder: Path, task: TaskSpec) -> list[Case]:
    table = folder / "labels.csv"
    if table.is_file():
        return _from_table(table, task)
    found = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    unknown = [name for name in found if name not in task.classes]
    if not found:
        raise DataError(f"{folder} is in no known layout; {_expected(task)}")
    if unknown:
        raise DataError(
            f"The folder '{unknown[0]}' is no class of {task.name} (its classes: {', '.join(task.classes)}); "
            "rename it or move it away."
        )
    return [
        Case(f"{name}/{id}", path, name, modality=_single_modality(task))
        for name in found
        for id, path in _by_id(folder / name, image_id_of).items()
    ]


def _from_table(table: Path, task: TaskSpec) -> list[Case]:
    cases: dict[str, Case] = {}
    slices: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for place, row in read_table(table, ("image", "class")):
        name, label = row["image"], row["class"]
        if label not in task.classes:
            raise DataError(f"{place}: '{label}' is no class of {task.name} ({', '.join(task.classes)}).")
        path = _image_called(table.parent / name)
        if path is None:
            raise DataError(f"{place}: the image '{name}' does not exist.")
        id = (Path(name).parent / image_id_of(path)).as_posix()
        if piece := row.get("slice"):
            if not piece.isdigit():
                raise DataError(f"{place}: the slice '{piece}' is no number; write its index, or leave it empty.")
            if task.dimension == 2:
                raise DataError(f"{place}: '{name}' is a picture and has no slices; leave the slice empty.")
            slices[id].append((int(piece), label))
            continue
        if id in cases:
            raise DataError(f"{place}: the image '{name}' has a class already; keep one of the lines.")
        cases[id] = Case(id, path, label, modality=_single_modality(task), patient=row.get("patient") or None)
    return [replace(case, slices=tuple(slices[id])) for id, case in cases.items()]


def _image_called(path: Path) -> Path | None:
    """The image at a path, which may lack its suffix: an image's id is its path without."""
    if path.exists():
        return path
    if not path.parent.is_dir():
        return None
    found = [other for other in images_in(path.parent) if image_id_of(other) == path.name]
    return found[0] if len(found) == 1 else None


def _single_modality(task: TaskSpec) -> Modality | None:
    """Class folders hold pictures without headers; where the task knows one modality only, theirs is known too."""
    modalities = {domain.modality for domain in task.domains.all}
    return modalities.pop() if len(modalities) == 1 else None


def images_in(folder: Path) -> Iterable[Path]:
    """The images that lie in a folder, sorted."""
    return sorted(path for path in folder.iterdir() if is_image_path(path))


def _expected(task: TaskSpec) -> str:
    if task.kind == "segmentation":
        return "expected are imagesTr/ and labelsTr/, images/ and labels/, images beside labels/final/, or a CSV or JSON list."
    return f"expected is one folder for each class ({', '.join(task.classes)}), or labels.csv with the columns image and class."
