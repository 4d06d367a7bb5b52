"""Labels of the server: download, save, history."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from CrossLabelLib.client.fields import Fields
from CrossLabelLib.client.job import Job
from CrossLabelLib.client.results import LabelVersion, Saved
from CrossLabelLib.client.transport import Transport

_FINAL = "final"


def download(transport: Transport, task: str, image: str, folder: Path, *, stock: bool, job: Job) -> Path:
    """The final label of an image."""
    query = {"label": image, "tag": _FINAL, "task": None if stock else task}
    return transport.download("/datastore/label", folder, f"{image}-{task}-label", query=query, job=job)


def save(
    transport: Transport,
    task: str,
    image: str,
    file: Path,
    *,
    values: Mapping[str, int],
    comment: str,
    checkpoint: str,
    person: Mapping[str, str],
    job: Job,
) -> Saved:
    """Save a label file.

    Args:
        values: the value of its voxels for each segment's name, sent along so that the server checks it against the names.
        comment: kept with it.
        checkpoint: whose proposal was corrected; empty where there was none.
        person: what identifies who annotates.
    """
    segments = [{"name": name, "idx": value} for name, value in values.items()]
    params: dict[str, Any] = {"task": task, "model": task, "label_info": segments, "comment": comment, **person}
    if checkpoint:
        params["checkpoint"] = checkpoint
    query = {"image": image, "tag": _FINAL}
    form = {"params": json.dumps(params)}
    answer = transport.upload("PUT", "/datastore/label", "label", file, query=query, form=form, job=job)
    return _saved(answer.params, task, image)


def save_class(transport: Transport, task: str, image: str, body: Mapping[str, Any]) -> Saved:
    """Save the class of an image by CrossLabel's own route."""
    path = f"/api/v1/labels/{quote(task, safe='')}/{quote(image)}"
    return _saved(transport.json("POST", path, body=dict(body)), task, image)


def history(transport: Transport, task: str, image: str) -> list[LabelVersion]:
    """All versions of a label, oldest first."""
    answer = Fields(transport.json("GET", "/api/v1/labels", query={"task": task, "image": image}), "the history")
    return [
        LabelVersion(
            id=entry.integer("id"),
            version=entry.integer("version"),
            author=entry.text("author", ""),
            comment=entry.text("comment", ""),
            state=entry.text("state", ""),
            created=entry.text("created", ""),
            class_name=entry.text("class_name", ""),
        )
        for entry in answer.objects("labels")
    ]


def _saved(answer: Any, task: str, image: str) -> Saved:
    fields = Fields(answer, "the saved label")
    version, number = fields.number("version"), fields.number("id")
    return Saved(
        image=image,
        task=fields.text("task", task),
        version=None if version is None else int(version),
        id=None if number is None else int(number),
    )
