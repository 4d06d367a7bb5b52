"""/api/v1: what MONAI Label's interface has no words for."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

import crosslabel
from crosslabel.learning.final_labels import is_for
from crosslabel.server.routes.dependencies import App, known_task
from crosslabel.store import ImageRecord
from crosslabel.tasks import TaskSpec

router = APIRouter(prefix="/api/v1", tags=["CrossLabel"])


class Label(BaseModel):
    """A structure: the value of its voxels and its colour as ``#rrggbb``."""

    name: str
    value: int
    color: str


class Domain(BaseModel):
    """Images that a task takes; ``role`` says whether it annotates them or learns from them."""

    name: str
    role: Literal["target", "source"]
    modality: str
    sequence: str | None


class CheckpointState(BaseModel):
    """Whether a task can predict, with which checkpoint, and if not, why."""

    available: bool
    name: str | None = None
    version: int | None = None
    demonstration: bool | None = None
    reason: str | None = None


class Task(BaseModel):
    """A served task."""

    name: str
    title: str
    description: str
    kind: Literal["segmentation", "classification"]
    dimension: Literal[2, 3]
    labels: list[Label]
    classes: list[str]
    domains: list[Domain]
    checkpoint: CheckpointState


class Study(BaseModel):
    """A study: ``shape`` in voxels, ``spacing`` in mm; ``problem`` says why it cannot be read.

    ``patient`` and ``study`` are pseudonyms, the same for all images of one patient and of one examination. With a task,
    ``labelled`` is meant for this task.
    """

    id: str
    patient: str
    study: str
    dimension: Literal[2, 3] | None = None
    modality: str | None = None
    sequence: str | None = None
    evidence: str = ""
    shape: list[int] = []
    spacing: list[float] = []
    labelled: bool
    problem: str | None = None


class Capabilities(BaseModel):
    """Version of CrossLabel and what this server can do."""

    version: str
    capabilities: list[str]


@router.get("/capabilities", summary="What this server can do")
def capabilities(app: App) -> Capabilities:
    return Capabilities(version=crosslabel.__version__, capabilities=app.capabilities)


@router.get("/tasks", summary="The served tasks")
def tasks(app: App) -> list[Task]:
    return [_task(task, app.infer_tasks[name].availability()) for name, task in app.tasks.items()]


@router.get("/images", summary="The studies; with a task, those that it is for")
def images(app: App, task: str | None = None) -> list[Study]:
    studies = app.datastore()
    records = studies.records()
    if task is None:
        labelled = set(studies.get_labeled_images())
    else:
        spec = app.tasks[known_task(app, task)]
        records = [image for image in records if is_for(image, spec)]
        labelled = {label.image_id for label in studies.store.labels.current_of_all(task)}
    return [_study(image, image.id in labelled) for image in records]


def _task(task: TaskSpec, availability: dict) -> Task:
    target = task.domains.target
    return Task(
        name=task.name,
        title=task.title,
        description=task.description,
        kind=task.kind,
        dimension=task.dimension,
        labels=[Label(**label.model_dump()) for label in task.labels],
        classes=list(task.classes),
        domains=[
            Domain(
                name=domain.name,
                role="target" if domain is target else "source",
                modality=domain.modality.value,
                sequence=domain.sequence,
            )
            for domain in task.domains.all
        ],
        checkpoint=CheckpointState(
            available=availability["available"],
            reason=availability.get("reason"),
            **(availability["checkpoint"] or {}),
        ),
    )


def _study(image: ImageRecord, labelled: bool) -> Study:
    summary = image.summary
    if summary is None:
        return Study(id=image.id, patient=image.patient, study=image.study, labelled=labelled, problem=image.reason)
    return Study(
        id=image.id,
        patient=image.patient,
        study=image.study,
        dimension=summary.dimension,
        modality=summary.modality and summary.modality.value,
        sequence=summary.sequence,
        evidence=summary.evidence,
        shape=list(summary.shape),
        spacing=list(summary.spacing),
        labelled=labelled,
        problem=image.reason or None,
    )
