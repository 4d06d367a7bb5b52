"""Labels as they arrive: what they say, which task they are for, and whether they fit it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from crosslabel.errors import CrossLabelError, ImageError, NotFoundError
from crosslabel.images import Grid, ImageSummary, in_order_of, read_grid, read_label, write_label
from crosslabel.learning.final_labels import is_for, misfit
from crosslabel.server.numbering import BACKGROUND, numbering_of, values_by_name
from crosslabel.store import ImageRecord, ImageState
from crosslabel.store.stock_layout import CLASS_SUFFIX, read_class_label
from crosslabel.tasks import TaskSpec

_VALUES_NAMED = 5


class UnknownTaskError(CrossLabelError):
    """Nothing says which of several tasks a label is for."""


@dataclass(frozen=True)
class Submission:
    """A label of one image: a file of voxels, or a class.

    Attributes:
        file: the label file; None for a class.
        values: of its voxels, without background.
        numbering: the segment that each value means, where the values are numbers of segments and not the task's own.
        reordered: the image's grid, where the file has the same voxels in another order.
        class_name: None for a file.
    """

    file: Path | None = None
    values: frozenset[int] = frozenset()
    numbering: Mapping[int, str] = field(default_factory=dict)
    reordered: Grid | None = None
    class_name: str | None = None

    @classmethod
    def read(cls, file: Path, image: ImageRecord, info: Mapping[str, Any]) -> Submission:
        """Read a label file of an image.

        Args:
            file: of voxels or a class.
            image: what it was drawn on.
            info: what came with it; see :func:`~crosslabel.server.numbering.numbering_of`.

        Raises:
            ImageError: image or label cannot be read, the label lies elsewhere than the image, its segments are numbered
                but not named, or a class label names no class.
        """
        if file.suffix == CLASS_SUFFIX:
            return cls(class_name=read_class_label(file))
        dimension = _summary_of(image).dimension
        array, grid = read_label(file, dimension=dimension)
        wanted = read_grid(image.path)
        if in_order_of(array, grid, wanted) is None:
            raise ImageError(_elsewhere(grid, wanted, image))
        values = frozenset(int(value) for value in np.unique(array)) - {0}
        return cls(file, values, numbering_of(info, values), None if grid.same_as(wanted) else wanted)

    def misfit(self, task: TaskSpec) -> str:
        """One sentence that says why this is no label of a task; empty if it is one."""
        if self.class_name is not None:
            if self.class_name in task.classes:
                return ""
            return f"Task {task.name} has no class '{self.class_name}'; {_choices('its classes are', task.classes)}."
        if task.kind != "segmentation":
            return f'Task {task.name} sorts images into classes: save {{"class": NAME}} and no label map.'
        if self.numbering:
            try:
                values_by_name(self.numbering, self.values, task)
            except ImageError as error:
                return str(error)
            return ""
        foreign = sorted(self.values - set(task.label_values.values()))
        if not foreign:
            return ""
        known = [f"{value} ({name})" for name, value in task.label_values.items()]
        return (
            f"The label holds the values {', '.join(map(str, foreign[:_VALUES_NAMED]))}, which task {task.name} does not "
            f"have; {_choices('its values are', known)}."
        )

    def as_kept(self, task: TaskSpec) -> Submission:
        """The same label in the task's own values and in the image's grid; a new file beside the one that came if any differs.

        Raises:
            ImageError: a numbered segment is no label of the task.
        """
        if self.file is None:
            return self
        wanted = (
            values_by_name(self.numbering, self.values, task) if self.numbering else {value: value for value in self.values}
        )
        if self.reordered is None and all(value == own for value, own in wanted.items()):
            return self
        array, grid = read_label(self.file, dimension=task.dimension)
        renumbered = np.zeros_like(array, dtype=np.int32)
        for value, own in wanted.items():
            renumbered[array == value] = own
        target = self.reordered or grid
        path = self.file.with_name(f"kept-{self.file.name}")
        write_label(in_order_of(renumbered, grid, target), target, path)
        return Submission(path, frozenset(wanted.values()) - {0})


def task_of(
    submission: Submission,
    info: Mapping[str, Any],
    image: ImageRecord,
    tasks: Mapping[str, TaskSpec],
    leased: Collection[str] = (),
) -> TaskSpec:
    """The task that a label is for.

    ``info["task"]``; else the task that made the proposal, ``info["model"]``; else the only task that is for this kind
    of image, has these values or this class, and has the names in ``info["label_info"]``; else of those the only one for
    which the author was handed the image.

    Args:
        submission: the label.
        info: what came with it.
        image: what it was drawn on.
        tasks: the served tasks by name.
        leased: names of the tasks for which the author has the image.

    Raises:
        NotFoundError: the named task is not served.
        UnknownTaskError: several tasks suit, or none.
        ImageError: the image cannot be read or is of a kind that the named task is not for, or the label does not fit its task.
    """
    _summary_of(image)
    task = _named(info, tasks) or _only_fitting(submission, _names_in(info), suitable(image, tasks), leased)
    why = misfit(image, task)
    if why:
        raise ImageError(f"The label cannot be of task {task.name}: {why}; name a task that is for image '{image.id}'.")
    foreign = submission.misfit(task)
    if foreign:
        raise ImageError(foreign)
    return task


def suitable(image: ImageRecord, tasks: Mapping[str, TaskSpec]) -> list[TaskSpec]:
    """The tasks that an image is for."""
    return [task for task in tasks.values() if is_for(image, task)]


def _summary_of(image: ImageRecord) -> ImageSummary:
    if image.summary is None or image.state is not ImageState.READY:
        raise ImageError(f"The image '{image.id}' cannot be read, so it takes no label: {image.reason}")
    return image.summary


def _named(info: Mapping[str, Any], tasks: Mapping[str, TaskSpec]) -> TaskSpec | None:
    task, model = info.get("task"), info.get("model")
    if task is not None:
        if not isinstance(task, str) or task not in tasks:
            raise NotFoundError(f"There is no task '{task}' here; this server has: {', '.join(tasks)}.")
        return tasks[task]
    return tasks.get(model) if isinstance(model, str) else None


def _only_fitting(
    submission: Submission, names: frozenset[str], tasks: Sequence[TaskSpec], leased: Collection[str]
) -> TaskSpec:
    fitting = [task for task in tasks if not submission.misfit(task) and names <= {label.name for label in task.labels}]
    handed_out = [task for task in fitting if task.name in leased]
    for found in (fitting, handed_out):
        if len(found) == 1:
            return found[0]
    if len(tasks) == 1:
        return tasks[0]
    choices = ", ".join(task.name for task in fitting or tasks)
    if not choices:
        raise UnknownTaskError("No task of this server is for this image, so nothing says what the label means; name a task.")
    raise UnknownTaskError(f'Nothing says which task the label is for; add "task" to params, one of: {choices}.')


def _names_in(info: Mapping[str, Any]) -> frozenset[str]:
    """Names of segments that a stock client sends along: a list of objects with a name, or an object by name."""
    given = info.get("label_info")
    if isinstance(given, Mapping):
        return frozenset(map(str, given)) - {BACKGROUND}
    entries = given if isinstance(given, list) else []
    return frozenset(str(entry["name"]) for entry in entries if isinstance(entry, Mapping) and "name" in entry) - {BACKGROUND}


def _elsewhere(grid: Grid, wanted: Grid, image: ImageRecord) -> str:
    if sorted(grid.shape) != sorted(wanted.shape):
        return f"The label has {grid.shape} voxels and image '{image.id}' {wanted.shape}; save it in the image's grid."
    return (
        f"The label lies elsewhere in space than image '{image.id}'; save it in the image's grid, with its origin, spacing and "
        "directions."
    )


def _choices(opening: str, names: Sequence[str]) -> str:
    return f"{opening} {', '.join(names)}" if names else "it is a segmentation and takes a label map"
