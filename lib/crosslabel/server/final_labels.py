"""Labelled cases of a task among the studies."""

from __future__ import annotations

from crosslabel.data import Case
from crosslabel.server.studies import Studies
from crosslabel.server.submissions import is_for
from crosslabel.store import TrainingPolicy
from crosslabel.tasks import TaskSpec


def final_cases(studies: Studies, task: TaskSpec, policy: TrainingPolicy = TrainingPolicy.FINAL) -> list[Case]:
    """Studies with a label that a task can learn from, sorted by id.

    Labels that turn out to be unreadable are kept here: the training job sets them aside and says so.
    """
    images = {image.id: image for image in studies.store.images.list() if is_for(image, task)}
    return [
        Case(
            label.image_id,
            images[label.image_id].path,
            label.path or str(label.class_name),
            own_values=True,
            patient=images[label.image_id].patient,
        )
        for label in studies.store.reviews.for_training(task.name, policy)
        if label.image_id in images and (label.path is not None or label.class_name in task.classes)
    ]
