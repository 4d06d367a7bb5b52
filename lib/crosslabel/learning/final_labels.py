"""Labels of a task among the studies that a round can use, and why it cannot use the others."""

from __future__ import annotations

from dataclasses import dataclass

from crosslabel.data import Case
from crosslabel.store import ImageRecord, ImageState, LabelRecord, Store, TrainingPolicy
from crosslabel.store.class_labels import slice_classes
from crosslabel.tasks import TaskSpec


@dataclass(frozen=True)
class TrainingLabels:
    """Labels that stand, each in one of two places.

    Attributes:
        usable: with their images, sorted by image id; some may turn out to be unreadable when a round reads them.
        left_out: why, in one sentence, by the image id of each label that no round of the task can learn from.
    """

    usable: tuple[tuple[LabelRecord, ImageRecord], ...]
    left_out: dict[str, str]


def misfit(image: ImageRecord, task: TaskSpec) -> str:
    """Why an image is not for a task, without a full stop; empty if it can be read and is of the task's kind."""
    if image.state is not ImageState.READY or image.summary is None:
        return f"the image cannot be read ({image.reason.rstrip('.')})"
    return task.eligible(image.summary.dimension, image.summary.modality, image.summary.sequence).reason


def is_for(image: ImageRecord, task: TaskSpec) -> bool:
    """Whether an image can be read and is of the kind that a task is for."""
    return not misfit(image, task)


def training_labels(store: Store, task: TaskSpec, policy: TrainingPolicy = TrainingPolicy.FINAL) -> TrainingLabels:
    """The labels of a task that train by a policy, sorted out by whether a round can use them."""
    labels = store.reviews.for_training(task.name, policy)
    images = store.images.known([label.image_id for label in labels])
    usable, left_out = [], {}
    for label in labels:
        image = images.get(label.image_id)
        if image is None:
            # Its file was removed between the two queries.
            continue
        why = misfit(image, task)
        if not why and label.path is None and label.class_name not in task.classes:
            why = f"{task.name} has no class '{label.class_name}'"
        if why:
            left_out[image.id] = f"Its label is not learnt from: {why}."
        else:
            usable.append((label, image))
    return TrainingLabels(tuple(usable), left_out)


def final_cases(store: Store, task: TaskSpec, policy: TrainingPolicy = TrainingPolicy.FINAL) -> list[Case]:
    """Studies with a label that a task can learn from, sorted by id.

    A volume comes with the classes of its slices, where its network sees it slice by slice.
    Labels that turn out to be unreadable are kept here: the training job sets them aside and says so.
    """
    slices = {} if task.slice_axis is None else slice_classes(store, task, policy)
    return [
        Case(
            image.id,
            image.path,
            label.path or str(label.class_name),
            own_values=True,
            patient=image.patient,
            slices=slices.get(image.id, ()),
        )
        for label, image in training_labels(store, task, policy).usable
    ]
