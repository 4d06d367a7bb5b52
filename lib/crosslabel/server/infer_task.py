"""MONAI Label's inference interface over CrossLabel's predictors."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from monailabel.interfaces.tasks.infer_v2 import InferTask, InferType

from crosslabel.checkpoints import Version
from crosslabel.errors import CrossLabelError, TaskError
from crosslabel.explanation import Explanation, explain
from crosslabel.images import Image, read_image, write_label, write_map
from crosslabel.inference import ClassificationResult, Classifier, Predictor, Result, SegmentationResult, pick_device
from crosslabel.server.predictors import Predictors
from crosslabel.tasks import TaskSpec

HEATMAP = "heatmap"
_LABEL_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha", ".png")
_TYPES = {"segmentation": InferType.SEGMENTATION, "classification": InferType.CLASSIFICATION}


class PredictorInferTask(InferTask):
    """Answers inference requests for one task.

    A task without a checkpoint stays listed, marked unavailable with the reason, and refuses to predict.

    Args:
        task: what to predict.
        predictors: the loaded networks.
    """

    def __init__(self, task: TaskSpec, predictors: Predictors) -> None:
        labels = task.label_values if task.kind == "segmentation" else list(task.classes)
        super().__init__(_TYPES[task.kind], labels, task.dimension, task.description or task.title)
        self.task = task
        self.predictors = predictors

    def is_valid(self) -> bool:
        """Always true, so that clients can say why a task is unavailable instead of not showing it."""
        return True

    def info(self) -> dict[str, Any]:
        """MONAI Label's description with the state of the checkpoint."""
        return {**super().info(), "title": self.task.title, **self.availability()}

    def availability(self) -> dict[str, Any]:
        """Whether the task can predict: ``available``, ``checkpoint`` and, if it cannot, ``reason``."""
        version = self.predictors.store.current(self.task)
        if version is None:
            return {
                "available": False,
                "reason": f"Task {self.task.name} has no checkpoint yet; train it.",
                "checkpoint": None,
            }
        return {"available": True, "checkpoint": _describe(version)}

    def get_path(self, validate: bool = True) -> str | None:
        """The weights that are served, for MONAI Label's model download."""
        version = self.predictors.store.current(self.task)
        return None if version is None else str(version.path)

    def __call__(self, request: Mapping[str, Any]) -> tuple[str | None, dict[str, Any]]:
        """Predict one image.

        Args:
            request: ``image``, a path; optionally ``modality``, ``sequence``, ``result_extension`` (default ``.nii.gz``),
                ``augment`` (several views, for the quality) and ``map``: ``uncertainty`` instead of the label of a
                segmentation, or ``heatmap`` of what spoke for a class, by ``explanation`` (``gradcam`` if not given) for
                ``class`` (the answer's if not given).

        Returns:
            The label or map file in the image's grid, which the caller has to remove, or ``None`` for a
            classification; and the answer as JSON values.

        Raises:
            CrossLabelError: no checkpoint, an unreadable or unsuitable image, or an unknown suffix, explanation or class.
        """
        suffix = _suffix(request)
        start = time.monotonic()
        image = read_image(request["image"], modality=request.get("modality"), sequence=request.get("sequence"))
        read = time.monotonic()
        result, why = self._ask(image, request)
        predicted = time.monotonic()
        file = self._file(result, suffix, request.get("map")) if why is None else _written(why.write, suffix)
        written = time.monotonic()
        latencies = {
            "read": read - start,
            "infer": predicted - read,
            "write": written - predicted,
            "total": written - start,
        }
        params = {
            **self._answer(result, image),
            **({} if why is None else why.summary()),
            "latencies": {name: round(value, 3) for name, value in latencies.items()},
        }
        return file, params

    def _file(self, result: SegmentationResult | ClassificationResult, suffix: str, wanted: str | None) -> str | None:
        """The label, or the map that was asked for."""
        if not isinstance(result, SegmentationResult):
            if wanted is not None:
                raise CrossLabelError(f"{self.task.name} is a classification and has no map of {wanted}; ask for a heatmap.")
            return None
        if wanted is None:
            return _written(lambda path: write_label(result.label, result.grid, path), suffix)
        uncertainty = result.uncertainty
        if uncertainty is None:
            raise CrossLabelError('The uncertainty is that of several views; leave out "augment": false.')
        return _written(lambda path: write_map(uncertainty, result.grid, path), suffix)

    def _in_views(self, request: Mapping[str, Any]) -> bool:
        """Whether to average several views: as the request says, else where that costs little.

        On a CPU it makes a segmentation four times slower, for a ward of people who may not look at the quality at all.
        """
        if "augment" in request:
            return bool(request["augment"])
        quick = self.task.kind == "classification" or pick_device(self.predictors.device).type != "cpu"
        return quick or request.get("map") is not None

    def _ask(self, image: Image, request: Mapping[str, Any]) -> tuple[Result, Explanation | None]:
        if request.get("map") != HEATMAP:
            return self.predictors.predict(self.task, image, augment=self._in_views(request)), None
        method, name = str(request.get("explanation") or "gradcam"), request.get("class")

        def question(predictor: Predictor) -> tuple[Result, Explanation]:
            if not isinstance(predictor, Classifier):
                raise TaskError(f"{self.task.name} is a segmentation, which shows itself what it found; ask for its label.")
            result = predictor.predict(image)
            return result, explain(predictor, image, method, str(name) if name else result.answer)

        return self.predictors.ask(self.task, question)

    def _answer(self, result: SegmentationResult | ClassificationResult, image: Image) -> dict[str, Any]:
        checkpoint = {"name": result.checkpoint, "demonstration": result.demonstration}
        found = {
            "modality": image.modality and image.modality.value,
            "sequence": image.sequence,
            "evidence": image.evidence,
        }
        common = {"task": self.task.name, "checkpoint": checkpoint, "image_modality": found}
        if isinstance(result, SegmentationResult):
            # "label_names" is the stock clients' name for the values of the label file.
            return {
                **common,
                "label_names": self.task.label_values,
                "volumes_ml": result.volumes_ml,
                "confidence": result.confidence,
                "quality": result.quality or {},
            }
        ranked = sorted(enumerate(result.probabilities.items()), key=lambda item: item[1][1], reverse=True)
        return {
            **common,
            "prediction": [{"idx": index, "label": name, "score": score} for index, (name, score) in ranked],
            "label_names": {name: index for index, name in enumerate(result.probabilities)},
            "decision": result.answer,
            **result.trust(),
            **({"slices": [asdict(one) for one in result.slices]} if result.slices else {}),
        }


def _suffix(request: Mapping[str, Any]) -> str:
    suffix = str(request.get("result_extension") or ".nii.gz")
    if suffix not in _LABEL_SUFFIXES:
        raise CrossLabelError(f"result_extension '{suffix}' is not known; use one of {', '.join(_LABEL_SUFFIXES)}.")
    return suffix


def _written(write: Callable[[Path], None], suffix: str) -> str:
    with tempfile.NamedTemporaryFile(prefix="crosslabel-", suffix=suffix, delete=False) as file:
        path = Path(file.name)
    try:
        write(path)
    except BaseException:
        path.unlink()
        raise
    return str(path)


def _describe(version: Version) -> dict[str, Any]:
    return {"name": version.name, "version": version.number, "demonstration": version.demonstration}
