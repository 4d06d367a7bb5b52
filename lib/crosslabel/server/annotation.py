"""Images and labels of a store as annotators, reviewers and trainers need them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from crosslabel.errors import ImageError, NotFoundError
from crosslabel.images import read_image
from crosslabel.learning.final_labels import is_for
from crosslabel.server.submissions import Submission, task_of
from crosslabel.server.upkeep import Upkeep
from crosslabel.store import FINAL, ConflictError, ImageRecord, ImageState, LabelRecord, Origin, Store
from crosslabel.store.class_labels import slice_tag
from crosslabel.tasks import TaskSpec


@dataclass(frozen=True)
class ClassRemark:
    """What an author says beside the class: a comment, the slice that alone is meant, and whether the author is sure."""

    comment: str = ""
    slice: int | None = None
    sure: bool | None = None


class Annotation:
    """What can be worked on, and the labels that come of it, each for a task.

    Args:
        store: of the studies.
        tasks: the served tasks by name.
        upkeep: is told what has changed.
    """

    def __init__(self, store: Store, tasks: Mapping[str, TaskSpec], upkeep: Upkeep) -> None:
        self.store = store
        self.tasks = tasks
        self.upkeep = upkeep

    def close(self) -> None:
        """Write what is still to be exported and give the database back."""
        self.upkeep.close()
        self.store.close()

    def records(self) -> list[ImageRecord]:
        """All images that lie in the folder, readable or not, sorted by id."""
        return [image for image in self.store.images.list(None) if image.state is not ImageState.MISSING]

    def image_path(self, image_id: str) -> Path:
        """File or DICOM folder of a study.

        Raises:
            NotFoundError: there is no such study.
        """
        return self.store.images.path(image_id)

    def readable(self, image_ids: Sequence[str], count: int | None = None) -> list[str]:
        """Those of some studies whose voxels can be read, at most the first ``count``; read once, until a file changes.

        A damaged file often has a good header, so that only this tells. What was found stays in the index.
        """
        known = self.store.images.known(image_ids)
        read: list[str] = []
        found = list(islice((one for one in image_ids if one in known and self._is_readable(known[one], read)), count))
        if read:
            self.store.images.mark_verified(read)
        return found

    def _is_readable(self, image: ImageRecord, read: list[str]) -> bool:
        """Adds its id to those that were read, if it had to be."""
        if image.verified or image.state is not ImageState.READY:
            return image.state is ImageState.READY
        try:
            read_image(self.image_path(image.id))
        except NotFoundError:
            return False
        except ImageError as error:
            self.store.images.mark_unreadable(image.id, str(error))
            return False
        read.append(image.id)
        return True

    def is_eligible(self, image_id: str, task: TaskSpec) -> bool:
        """Whether a study can be read and is of the kind that a task is for."""
        try:
            return is_for(self.store.images.get(image_id), task)
        except NotFoundError:
            return False

    def submit(
        self, image_id: str, file: Path, tag: str, info: Mapping[str, Any], *, author: str, comment: str = ""
    ) -> LabelRecord:
        """Check a label file and save it as a new version.

        Args:
            image_id: the image that it was drawn on.
            file: of voxels in the image's grid, or ``{"class": NAME}``.
            tag: ``final``, ``original`` or another.
            info: what came with it; may name the ``task``, see :func:`task_of`.
            author: who saved it.
            comment: of the author.

        Raises:
            NotFoundError: there is no such image or task.
            ImageError: the label cannot be read, lies elsewhere, or holds what the task does not have.
            UnknownTaskError: nothing says which task it is for.
        """
        image = self.store.images.get(image_id)
        submission = Submission.read(file, image, info)
        return self._save(image, submission, tag, info, Origin(author, comment, _proposal(info), info))

    def submit_class(
        self, image_id: str, task: str, class_name: str, remark: ClassRemark | None = None, *, author: str
    ) -> LabelRecord:
        """Save the class of an image, or of one slice of a volume, which has versions and a current label of its own.

        Raises:
            NotFoundError: there is no such image or task.
            ImageError: the task has no such class, or the image no such slice.
        """
        image, remark = self.store.images.get(image_id), remark or ClassRemark()
        _check_slice(image, remark.slice)
        tag = FINAL if remark.slice is None else slice_tag(remark.slice)
        said = {"slice": remark.slice, "sure": remark.sure}
        params = {name: value for name, value in said.items() if value is not None}
        return self._save(
            image, Submission(class_name=class_name), tag, {"task": task}, Origin(author, remark.comment, params=params)
        )

    def label(self, image_id: str, tag: str, task: str | None = None) -> LabelRecord:
        """The current label of an image.

        Raises:
            NotFoundError: there is none.
            ConflictError: several tasks have one and none is named.
        """
        having = [name for name, its_tag in self.store.labels.tasks_of(image_id) if its_tag == tag and task in (None, name)]
        if len(having) > 1:
            raise ConflictError(
                f"Image '{image_id}' has {tag} labels of several tasks; add task=NAME, one of: {', '.join(having)}."
            )
        found = self.store.labels.current(having[0], image_id, tag) if having else None
        if found is None:
            raise NotFoundError(f"Image '{image_id}' has no {tag} label{f' for task {task}' if task else ''}.")
        return found

    def withdraw(self, image_id: str, tag: str, task: str | None, *, reviewer: str) -> None:
        """Leave an image without a label; all versions stay in the history.

        Raises:
            NotFoundError, ConflictError: as :meth:`label`.
        """
        self.store.reviews.withdraw(self.label(image_id, tag, task).task, image_id, reviewer=reviewer, tag=tag)
        self.upkeep.changed()

    def final_labels(self) -> list[LabelRecord]:
        """The current final labels of all tasks."""
        return [label for task in self.store.labels.tasks() for label in self.store.labels.current_of_all(task)]

    def _leased(self, image_id: str, holder: str) -> list[str]:
        held = {task: self.store.leases.held(task).get(image_id) for task in self.tasks}
        return [task for task, lease in held.items() if lease is not None and lease.holder == holder]

    def _save(
        self, image: ImageRecord, submission: Submission, tag: str, info: Mapping[str, Any], origin: Origin
    ) -> LabelRecord:
        task = task_of(submission, info, image, self.tasks, self._leased(image.id, origin.author))
        if submission.file is not None:
            own = submission.as_kept(task)
            saved = self.store.labels.save_file(task.name, image.id, own.file or submission.file, origin, tag)
        else:
            saved = self.store.labels.save_class(task.name, image.id, submission.class_name or "", origin, tag)
        if tag == FINAL:
            self.store.leases.release(task.name, image.id, origin.author)
        self.upkeep.changed()
        return saved


def _check_slice(image: ImageRecord, number: int | None) -> None:
    if number is None or image.summary is None:
        return
    shape = image.summary.shape
    if len(shape) != 3:
        raise ImageError(f"The image '{image.id}' is a picture and has no slices; leave the slice out.")
    if number >= shape[2]:
        raise ImageError(f"The image '{image.id}' has the slices 0 to {shape[2] - 1} and no slice {number}; check the number.")


def _proposal(info: Mapping[str, Any]) -> str:
    """Name of the checkpoint whose proposal a label is, or was made from, where the client says so."""
    params = info.get("params")
    checkpoint = (params if isinstance(params, Mapping) else info).get("checkpoint")
    name = checkpoint.get("name") if isinstance(checkpoint, Mapping) else checkpoint
    return name if isinstance(name, str) else ""
