"""A folder of predicted label maps against a folder of reference labels."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import nibabel as nib

from crosslabel.data import Case, labelled_cases
from crosslabel.errors import DataError, ImageError, TaskError
from crosslabel.evaluation.agreement import measure_agreement
from crosslabel.evaluation.evaluation import CaseScores, Evaluation
from crosslabel.images import Grid, image_id_of, is_image_path, read_label
from crosslabel.tasks import TaskSpec


def evaluate_folder(task: TaskSpec, predictions: Path, labels: Path, *, own_values: bool = False) -> Evaluation:
    """Score every reference that has a prediction of the same name.

    Args:
        task: a segmentation task; predictions hold its label values.
        predictions: folder of label files called ``<id>.nii.gz`` (or any other label format).
        labels: a labelled data set in a layout that training reads, or a plain folder of label files that are
            called like the predictions.
        own_values: the reference labels hold the task's own values, so ``read_labels`` is not applied.

    Raises:
        TaskError: the task is a classification.
        DataError: a folder is missing or empty, or no prediction has a reference.
        ImageError: a file is unreadable, holds unknown values, or does not share the grid of its reference.
    """
    if task.kind != "segmentation":
        raise TaskError(f"{task.name} is a classification, and 'evaluate' compares label maps; give a segmentation task.")
    predicted = {image_id_of(path): path for path in _label_files(predictions)}
    references = _references(labels, task, own_values)
    compared = [case for case in references if case.id in predicted]
    if not compared:
        raise DataError(
            f"No prediction in {predictions} has a reference of the same name in {labels}: the predictions are "
            f"called {_some(predicted)}, the references {_some(case.id for case in references)}; "
            "rename one or the other."
        )
    return Evaluation(
        task=task.name,
        cases=tuple(_score(task, predicted[case.id], case) for case in compared),
        missing=tuple(case.id for case in references if case.id not in predicted),
        without_reference=tuple(sorted(predicted.keys() - {case.id for case in references})),
    )


def _score(task: TaskSpec, predicted: Path, case: Case) -> CaseScores:
    prediction, grid = read_label(predicted, dimension=task.dimension)
    reference, reference_grid = case.read_label(task)
    if not grid.same_as(reference_grid):
        raise ImageError(
            f"The prediction {predicted.name} ({_described(grid)}) and its reference "
            f"({_described(reference_grid)}) do not lie on one grid; predict on the very image that the reference "
            "belongs to."
        )
    try:
        task.indices_of(prediction)
    except ImageError as error:
        raise ImageError(f"{predicted.name}: {error}") from error
    return CaseScores(
        case.id,
        {
            name: measure_agreement(prediction == value, reference == value, grid.spacing)
            for name, value in task.label_values.items()
        },
    )


def _references(labels: Path, task: TaskSpec, own_values: bool) -> list[Case]:
    data_set = _data_set_around(labels)
    if data_set is not None:
        return labelled_cases(data_set, task, own_values=own_values)
    return [Case(image_id_of(path), path, path, own_values=own_values) for path in _label_files(labels)]


def _data_set_around(labels: Path) -> Path | None:
    """The data set that a folder is or whose labels it holds; it knows what the values of its labels mean."""
    if any((labels / name).is_dir() for name in ("labelsTr", "labels")):
        return labels
    if labels.name == "labelsTr" and (labels.parent / "imagesTr").is_dir():
        return labels.parent
    if labels.name == "labels" and (labels.parent / "images").is_dir():
        return labels.parent
    if labels.name == "final" and labels.parent.name == "labels":
        return labels.parent.parent
    return None


def _label_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DataError(f"The folder {folder} does not exist; give one that holds label files.")
    files = sorted(path for path in folder.iterdir() if is_image_path(path))
    if not files:
        raise DataError(f"No label files lie in {folder}; give a folder that holds them, called like their images.")
    return files


def _some(names: Iterable[str]) -> str:
    listed = sorted(names)
    return ", ".join(listed[:3]) + (", ..." if len(listed) > 3 else "")


def _described(grid: Grid) -> str:
    spacing = " x ".join(f"{step:g}" for step in grid.spacing)
    origin = ", ".join(f"{position:g}" for position in grid.affine[:3, 3])
    axes = "".join(nib.aff2axcodes(grid.affine))
    return f"shape {grid.shape}, spacing {spacing} mm, axes {axes}, origin {origin}"
