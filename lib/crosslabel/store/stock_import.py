"""From MONAI Label's own layout into the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crosslabel.errors import CrossLabelError, ImageError, NotFoundError
from crosslabel.images import read_label
from crosslabel.store.errors import in_sentences
from crosslabel.store.label_rows import Origin
from crosslabel.store.records import ImageRecord
from crosslabel.store.stock_layout import INDEX, StockLabel, stock_labels
from crosslabel.store.store import Store
from crosslabel.tasks import TaskSpec

IMPORTER = "import"


@dataclass
class ImportReport:
    """What became of the labels in the stock layout.

    Attributes:
        imported: paths that became new versions.
        known: how many the store held already.
        left: those that stay where they are, and why, by path.
    """

    imported: list[str] = field(default_factory=list)
    known: int = 0
    left: dict[str, str] = field(default_factory=dict)


class _UnassignedError(CrossLabelError):
    """Nothing says which task a label is for."""


def import_stock_layout(store: Store, tasks: Mapping[str, TaskSpec]) -> ImportReport:
    """Import the labels of MONAI Label's layout as versions; those that the store knows by their content are left out.

    Args:
        store: of the studies, after a scan.
        tasks: the served tasks by name.
    """
    report = ImportReport()
    with in_sentences():
        for label in stock_labels(store.folders):
            name = store.folders.relative(label.path)
            try:
                image = store.images.get(label.image_id)
                task = task_of_label(label.info, image, tasks, label.class_name)
                if store.labels.knows(image.id, label.sha256, task):
                    report.known += 1
                    continue
                _save(store, label, image, _assigned(task, tasks))
                report.imported.append(name)
            except (ImageError, NotFoundError, _UnassignedError) as error:
                report.left[name] = str(error)
    return report


def task_of_label(
    info: Mapping[str, Any], image: ImageRecord, tasks: Mapping[str, TaskSpec], class_name: str | None = None
) -> str | None:
    """The task of a label that came without one: the task or model that made it, else the only one that suits the image.

    Args:
        info: what came with it; ``task`` and ``model`` are looked at.
        image: the image that it belongs to.
        tasks: the served tasks by name.
        class_name: of a class label; None for a segmentation.

    Returns:
        None where nothing decides it.
    """
    named = next((info[key] for key in ("task", "model") if info.get(key) in tasks), None)
    if named is not None:
        return named if _is_of_kind(tasks[named], class_name) else None
    suitable = [task.name for task in tasks.values() if _suits(task, image, class_name)]
    return suitable[0] if len(suitable) == 1 else None


def _assigned(task: str | None, tasks: Mapping[str, TaskSpec]) -> TaskSpec:
    if task is None:
        raise _UnassignedError(
            f'Nothing says which task the label is for; write "task" into its entry in {INDEX}, one of: {", ".join(tasks)}.'
        )
    return tasks[task]


def _save(store: Store, label: StockLabel, image: ImageRecord, task: TaskSpec) -> None:
    origin = Origin(IMPORTER, f"from {store.folders.relative(label.path)}", params=label.info)
    class_name = label.class_name
    if class_name is not None:
        store.labels.save_class(task.name, image.id, class_name, origin, label.tag)
        return
    _, grid = read_label(label.path, dimension=task.dimension)
    if image.summary is not None and grid.shape != image.summary.shape:
        raise ImageError(f"The label has {grid.shape} voxels and its image {image.summary.shape}; draw it on this image.")
    store.labels.save_file(task.name, image.id, label.path, origin, label.tag)


def _is_of_kind(task: TaskSpec, class_name: str | None) -> bool:
    return task.kind == "segmentation" if class_name is None else class_name in task.classes


def _suits(task: TaskSpec, image: ImageRecord, class_name: str | None) -> bool:
    if image.summary is None or not _is_of_kind(task, class_name):
        return False
    return bool(task.eligible(image.summary.dimension, image.summary.modality, image.summary.sequence))
