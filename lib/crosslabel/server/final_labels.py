"""Labelled cases of a task among the studies."""

from __future__ import annotations

import json
from pathlib import Path

from monailabel.interfaces.datastore import DefaultLabelTag

from crosslabel.data import Case
from crosslabel.errors import ImageError
from crosslabel.server.studies import CLASS_LABEL_SUFFIX, Studies
from crosslabel.tasks import TaskSpec


def final_cases(studies: Studies, task: TaskSpec) -> list[Case]:
    """Studies with a final label that a task can learn from, sorted by id.

    A label that was saved for another task by name is left out. Labels that turn out to be unreadable are
    kept here: the training job sets them aside and says so.
    """
    cases = []
    for image_id in sorted(studies.get_labeled_images()):
        label = _label(studies, image_id, task)
        if label is not None and studies.is_eligible(image_id, task):
            cases.append(Case(image_id, studies.image_path(image_id), label, own_values=True))
    return cases


def read_class_label(path: Path) -> str:
    """The class name in a classification's label file, ``{"class": NAME}``.

    Raises:
        ImageError: the file is anything else.
    """
    try:
        name = json.loads(path.read_text(encoding="utf-8"))["class"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ImageError('A class label is a JSON file that holds {"class": "NAME"}; this one does not.') from error
    if not isinstance(name, str):
        raise ImageError('A class label names one class: {"class": "NAME"}.')
    return name


def _label(studies: Studies, image_id: str, task: TaskSpec) -> Path | str | None:
    saved_for = studies.get_label_info(image_id, DefaultLabelTag.FINAL).get("task")
    if saved_for not in (None, task.name):
        return None
    path = Path(studies.get_label_uri(image_id, DefaultLabelTag.FINAL))
    if task.kind == "segmentation":
        return None if path.suffix == CLASS_LABEL_SUFFIX else path
    if path.suffix != CLASS_LABEL_SUFFIX:
        return None
    name = read_class_label(path)
    return name if name in task.classes else None
