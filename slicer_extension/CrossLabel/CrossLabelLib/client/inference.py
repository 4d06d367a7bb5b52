"""Predictions: segmentations, classes and the maps that explain them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from CrossLabelLib.client.connecting import label_values
from CrossLabelLib.client.errors import ServerError
from CrossLabelLib.client.fields import Fields
from CrossLabelLib.client.job import Job
from CrossLabelLib.client.multipart import Answered
from CrossLabelLib.client.results import ClassAnswer, MapFile, Proposal, SliceWeight, Task
from CrossLabelLib.client.transport import Transport

# The server ends an inference after ten minutes with waiting.
_PATIENCE = 630.0
# Origin, spacing and directions are text in NRRD, so nothing of them is rounded to the 32 bits of NIfTI.
_PARAMS = {"result_extension": ".nrrd"}
# The panel shows the quality, which is an agreement of several views.
_PROPOSAL = {**_PARAMS, "augment": True}


def segment(
    transport: Transport, task: Task, image: str, folder: Path, *, file: Path | None, stock: bool, job: Job
) -> Proposal:
    """Predict the segmentation of a study, or of a file that the server does not have.

    Raises:
        ServerError: also where the answer is no label file.
    """
    answer = _infer(transport, task.name, image, file, None, {} if stock else _PROPOSAL, job)
    params = Fields(answer.params, "the prediction")
    path = _written(answer, folder, f"{image or 'upload'}-{task.name}-proposal")
    checkpoint = params.object("checkpoint")
    return Proposal(
        path=path,
        label_values=label_values(answer.params.get("label_names")) or {label.name: label.value for label in task.labels},
        volumes_ml=params.numbers("volumes_ml"),
        confidence=params.numbers("confidence"),
        quality=params.numbers("quality"),
        checkpoint=checkpoint.text("name", "") if checkpoint else "",
        demonstration=bool(checkpoint and checkpoint.flag("demonstration", False)),
        warnings=params.texts("warnings"),
    )


def classify(transport: Transport, task: Task, image: str, *, file: Path | None, job: Job) -> ClassAnswer:
    """Predict the class of a study, or of a file that the server does not have."""
    answer = _infer(transport, task.name, image, file, None, {}, job)
    params = Fields(answer.params, "the class")
    found = [(entry.text("label"), entry.number("score")) for entry in params.objects("prediction")]
    if not found or any(score is None for _, score in found):
        raise ServerError("The server answered no class; ask its administrator.", "bad answer")
    checkpoint = params.object("checkpoint")
    slices = [
        SliceWeight(entry.integer("index"), entry.integer("axis"), float(entry.number("weight") or 0.0))
        for entry in params.objects("slices")
    ]
    return ClassAnswer(
        probabilities=tuple(sorted(((name, float(score)) for name, score in found), key=lambda pair: -pair[1])),
        decision=params.text("decision", ""),
        calibrated=params.flag("calibrated"),
        in_distribution=params.flag("in_distribution"),
        uncertainty=params.number("uncertainty"),
        slices=tuple(sorted(slices, key=lambda entry: -entry.weight)),
        checkpoint=checkpoint.text("name", "") if checkpoint else "",
        demonstration=bool(checkpoint and checkpoint.flag("demonstration", False)),
    )


def float_map(
    transport: Transport,
    task: Task,
    image: str,
    folder: Path,
    kind: str,
    params: Mapping[str, Any],
    *,
    file: Path | None,
    job: Job,
) -> MapFile:
    """A map in the image's grid; ``kind`` is ``heatmap`` or ``uncertainty``."""
    answer = _infer(transport, task.name, image, file, kind, params, job)
    path = _written(answer, folder, f"{image or 'upload'}-{task.name}-{kind}")
    return MapFile(path, kind, task.name, answer.params)


def _infer(
    transport: Transport, task: str, image: str, file: Path | None, output: str | None, params: Mapping[str, Any], job: Job
) -> Answered:
    path, form = f"/infer/{quote(task, safe='')}", {"params": json.dumps(dict(params))}
    query = {"image": image or None, "output": output}
    if file is None:
        return transport.form(path, query=query, form=form, job=job, patience=_PATIENCE)
    return transport.upload("POST", path, "file", file, query=query, form=form, job=job, patience=_PATIENCE)


def _written(answer: Answered, folder: Path, name: str) -> Path:
    if not answer.file or not answer.suffix:
        raise ServerError("The server answered without a file of voxels; ask its administrator.", "bad answer")
    path = folder / (re.sub(r"[^\w.-]", "_", name) + answer.suffix)
    partial = path.with_name(path.name + ".part")
    partial.write_bytes(answer.file)
    partial.replace(path)
    return path
