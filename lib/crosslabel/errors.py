"""Errors meant for the person in front of the screen.

Every failure that a user can cause is raised as a :class:`CrossLabelError` whose message is one sentence that says what is
wrong and what to do. The command line prints it and exits with status 1; the server answers it as a 4xx. Anything else that
escapes is a defect of CrossLabel itself.
"""

from __future__ import annotations


class CrossLabelError(Exception):
    """Base of all errors that a user can mend.

    Attributes:
        status: the HTTP status with which the server reports this error.
    """

    status = 400


class NotFoundError(CrossLabelError):
    """Something that was named (image, task, model, version) does not exist."""

    status = 404


class ImageError(CrossLabelError):
    """An image or label file cannot be read, or does not fit what is asked of it."""

    status = 422


class TaskError(CrossLabelError):
    """A task file is wrong, or a task cannot do what is asked of it."""


class CheckpointError(CrossLabelError):
    """A checkpoint is missing, unsafe, or belongs to another network or task."""

    status = 409


class DataError(CrossLabelError):
    """A folder of data does not hold what the job needs."""
