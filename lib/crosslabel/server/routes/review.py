"""/api/v1/labels: versions of labels, class labels, and their review."""

from __future__ import annotations

import math
from datetime import datetime
from pathlib import Path
from typing import Annotated, TypeVar

from fastapi import APIRouter
from fastapi import Path as PathParameter
from fastapi.responses import Response
from pydantic import AliasChoices, BaseModel, Field

from crosslabel.errors import ImageError
from crosslabel.evaluation import measure_agreement
from crosslabel.images import read_label
from crosslabel.server.annotation import ClassRemark
from crosslabel.server.app import CrossLabelApp
from crosslabel.server.routes.bodies import RequestBody
from crosslabel.server.routes.dependencies import App, Audited, known_task
from crosslabel.server.routes.labels import label_response
from crosslabel.server.routes.people import Who
from crosslabel.store import ConflictError, LabelRecord, Review
from crosslabel.tasks import TaskSpec

router = APIRouter(prefix="/api/v1/labels", tags=["Review"])

T = TypeVar("T")
_LARGEST_ID = 2**31 - 1
LabelId = Annotated[int, PathParameter(ge=1, le=_LARGEST_ID)]
Id = Annotated[int, Field(ge=1, le=_LARGEST_ID)]
Comment = Annotated[str, Field(max_length=2000)]


class Verdict(BaseModel):
    """What a reviewer said about a version."""

    version: int
    reviewer: str
    verdict: str
    comment: str
    created: datetime


class LabelVersion(BaseModel):
    """One version of the label of a task and an image."""

    id: int
    task: str
    image: str
    version: int
    tag: str
    class_name: str | None
    slice: int | None
    sure: bool | None
    sha256: str
    author: str
    comment: str
    proposal: str
    parents: list[int]
    state: str
    created: datetime


class History(BaseModel):
    """All versions, oldest first, and all verdicts about them."""

    labels: list[LabelVersion]
    reviews: list[Verdict]


class ClassLabel(RequestBody):
    """The class of an image, or of one slice of a volume."""

    class_name: Annotated[str, Field(validation_alias=AliasChoices("class", "class_name"), min_length=1, max_length=200)]
    comment: Comment = ""
    slice: Annotated[
        int | None, Field(ge=0, description="index along the volume's last stored axis; the volume if left out")
    ] = None
    sure: Annotated[bool | None, Field(description="whether the author is; unknown if left out")] = None
    client_id: str | None = None


class Remark(RequestBody):
    """Why."""

    comment: Comment = ""


class Adjudication(RequestBody):
    """Which of several versions is right: ``chosen`` may be one of them or another version of the same label."""

    labels: Annotated[list[Id], Field(min_length=2, max_length=20)]
    chosen: Id
    comment: Comment = ""


class StructureAgreement(BaseModel):
    """How two versions agree on one structure; distances in mm, ``None`` where one of them lacks it."""

    dice: float
    assd_mm: float | None
    hd95_mm: float | None


class Comparison(BaseModel):
    """Two versions: whether they say the same, and for segmentations how alike each structure is."""

    a: int
    b: int
    same: bool
    structures: dict[str, StructureAgreement]


@router.get("", summary="All versions of the label of a task and an image")
def history(app: App, task: str, image: str) -> History:
    store = app.datastore().store
    known_task(app, task)
    store.images.get(image)
    return History(
        labels=[_version(label) for label in store.labels.history(task, image)],
        reviews=[_verdict(review) for review in store.reviews.history(task, image)],
    )


@router.get("/compare", summary="How alike two versions are")
def compare(app: App, a: Id, b: Id) -> Comparison:
    first, second = (app.datastore().store.labels.by_id(label) for label in (a, b))
    if (first.task, first.image_id) != (second.task, second.image_id):
        raise ConflictError("These labels belong to different tasks or images; compare two of one task and image.")
    same = first.sha256 == second.sha256
    if first.path is None or second.path is None:
        return Comparison(a=a, b=b, same=same, structures={})
    task = app.tasks[known_task(app, first.task)]
    return Comparison(a=a, b=b, same=same, structures=_agreement(first.path, second.path, task))


@router.post("/adjudicate", summary="Settle what annotators saw differently: a new, approved version")
def adjudicate(app: App, audited: Audited, who: Who, body: Adjudication) -> LabelVersion:
    store = app.datastore().store
    labels = [store.labels.by_id(label) for label in (*body.labels, body.chosen)]
    if len({(label.task, label.image_id) for label in labels}) > 1:
        raise ConflictError("These labels belong to different tasks or images; adjudicate those of one task and image.")
    task, image = labels[0].task, labels[0].image_id
    audited.update(task=task, image_id=image)
    versions = [label.version for label in labels[:-1]]
    settled = store.reviews.adjudicate(task, image, versions, labels[-1].version, reviewer=who.name(), comment=body.comment)
    return _done(app, settled)


@router.get("/{label_id:int}/file", summary="Download one version")
def download(app: App, label_id: LabelId) -> Response:
    return label_response(app.datastore().store.labels.by_id(label_id))


@router.post("/{label_id:int}/approve", summary="Stand for a version")
def approve(app: App, audited: Audited, who: Who, label_id: LabelId, body: Remark | None = None) -> LabelVersion:
    label = _audited_label(app, audited, label_id)
    comment = body.comment if body else ""
    reviews = app.datastore().store.reviews
    return _done(app, reviews.approve(label.task, label.image_id, label.version, reviewer=who.name(), comment=comment))


@router.post("/{label_id:int}/return", summary="Send a version back with a comment")
def send_back(app: App, audited: Audited, who: Who, label_id: LabelId, body: Remark) -> LabelVersion:
    label = _audited_label(app, audited, label_id)
    reviews = app.datastore().store.reviews
    returned = reviews.send_back(label.task, label.image_id, label.version, reviewer=who.name(), comment=body.comment)
    return _done(app, returned)


@router.post("/{label_id:int}/revert", summary="Make an earlier version the newest again")
def revert(app: App, audited: Audited, who: Who, label_id: LabelId, body: Remark | None = None) -> LabelVersion:
    label = _audited_label(app, audited, label_id)
    comment = body.comment if body else ""
    labels = app.datastore().store.labels
    return _done(app, labels.revert(label.task, label.image_id, label.version, author=who.name(), comment=comment))


@router.post("/{task}/{image:path}", summary="Save the class of an image or of a slice")
def save_class(app: App, audited: Audited, who: Who, task: str, image: str, body: ClassLabel) -> LabelVersion:
    audited.update(task=known_task(app, task), image_id=image)
    remark = ClassRemark(body.comment, body.slice, body.sure)
    author = who.name(body.model_dump())
    return _version(app.datastore().submit_class(image, task, body.class_name, remark, author=author))


def _audited_label(app: CrossLabelApp, audited: dict[str, str], label_id: int) -> LabelRecord:
    label = app.datastore().store.labels.by_id(label_id)
    audited.update(task=label.task, image_id=label.image_id)
    return label


def _done(app: CrossLabelApp, label: LabelRecord) -> LabelVersion:
    app.datastore().upkeep.changed()
    return _version(label)


def _agreement(first: Path, second: Path, task: TaskSpec) -> dict[str, StructureAgreement]:
    (ours, grid), (theirs, other) = (read_label(path, dimension=task.dimension) for path in (first, second))
    if not grid.same_as(other):
        raise ImageError("These labels lie in different grids, for the image changed between them; compare newer ones.")
    found = {name: measure_agreement(ours == value, theirs == value, grid.spacing) for name, value in task.label_values.items()}
    return {
        name: StructureAgreement(dice=scores.dice, assd_mm=_number(scores.assd_mm), hd95_mm=_number(scores.hd95_mm))
        for name, scores in found.items()
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _if_of(kind: type[T], value: object) -> T | None:
    """Clients may save anything under any name."""
    return value if type(value) is kind else None


def _version(label: LabelRecord) -> LabelVersion:
    return LabelVersion(
        id=label.id,
        task=label.task,
        image=label.image_id,
        version=label.version,
        tag=label.tag,
        class_name=label.class_name,
        slice=_if_of(int, label.params.get("slice")),
        sure=_if_of(bool, label.params.get("sure")),
        sha256=label.sha256,
        author=label.author,
        comment=label.comment,
        proposal=label.proposal,
        parents=list(label.parents),
        state=label.state.value,
        created=label.created,
    )


def _verdict(review: Review) -> Verdict:
    return Verdict(
        version=review.version,
        reviewer=review.reviewer,
        verdict=review.verdict.value,
        comment=review.comment,
        created=review.created,
    )
