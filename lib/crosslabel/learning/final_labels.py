"""Labelled cases of a task among the studies."""

from __future__ import annotations

from crosslabel.data import Case
from crosslabel.store import ImageRecord, ImageState, Store, TrainingPolicy
from crosslabel.store.class_labels import slice_classes
from crosslabel.tasks import TaskSpec


def is_for(image: ImageRecord, task: TaskSpec) -> bool:
    """Whether an image can be read and is of the kind that a task is for."""
    if image.state is not ImageState.READY or image.summary is None:
        return False
    return bool(task.eligible(image.summary.dimension, image.summary.modality, image.summary.sequence))


def final_cases(store: Store, task: TaskSpec, policy: TrainingPolicy = TrainingPolicy.FINAL) -> list[Case]:
    """Studies with a label that a task can learn from, sorted by id.

    A volume comes with the classes of its slices, where its network sees it slice by slice.
    Labels that turn out to be unreadable are kept here: the training job sets them aside and says so.
    """
    images = {image.id: image for image in store.images.list() if is_for(image, task)}
    slices = {} if task.slice_axis is None else slice_classes(store, task, policy)
    return [
        Case(
            label.image_id,
            images[label.image_id].path,
            label.path or str(label.class_name),
            own_values=True,
            patient=images[label.image_id].patient,
            slices=slices.get(label.image_id, ()),
        )
        for label in store.reviews.for_training(task.name, policy)
        if label.image_id in images and (label.path is not None or label.class_name in task.classes)
    ]
