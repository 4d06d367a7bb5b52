"""Image-level methods by name, as task files and the command line give them."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import torch

from crosslabel.adaptation.image_level.adapter import Chain, ImageAdapter, Unchanged
from crosslabel.adaptation.image_level.histogram import HistogramMatching
from crosslabel.adaptation.image_level.looks import KnownLooks
from crosslabel.adaptation.image_level.randomisation import GIN
from crosslabel.adaptation.image_level.structures import StructureRandomisation
from crosslabel.adaptation.image_level.translation import CycleGANTranslation, Translation, TranslationSettings
from crosslabel.errors import TaskError
from crosslabel.tasks import TaskSpec

_ADAPTERS = (Unchanged, HistogramMatching, GIN, StructureRandomisation, KnownLooks, Translation, CycleGANTranslation)
_METHODS: dict[str, type[ImageAdapter]] = {adapter.name: adapter for adapter in _ADAPTERS}


def build_adapter(name: str, task: TaskSpec, seed: int, *, device: str = "cpu", **settings: Any) -> ImageAdapter:
    """An adapter that is not fitted yet.

    Args:
        name: ``none``, ``histogram``, ``gin``, ``structures``, ``looks``, ``translation``, ``cyclegan``, or several joined
            by ``+``.
        task: whose images are adapted.
        seed: of everything random in it.
        device: where networks run.
        settings: parameters of the methods' constructors and fields of :class:`TranslationSettings`; each goes to the
            methods that have it.

    Raises:
        TaskError: an unknown name or setting, a value that a translator cannot have, or a checkpoint that does not exist.
    """
    names = name.split("+")
    for part in names:
        if part not in _METHODS:
            known = ", ".join(_METHODS)
            raise TaskError(f"There is no image-level method '{part}'; use one of {known}, or several joined by '+'.")
    for setting in settings:
        if not any(setting in _settings_of(part) for part in names):
            raise TaskError(f"The image-level method {name} has no setting '{setting}'; leave it out.")
    adapters = [_build(part, task, seed, torch.device(device), settings) for part in names]
    return adapters[0] if len(adapters) == 1 else Chain(adapters)


def _build(name: str, task: TaskSpec, seed: int, device: torch.device, settings: dict[str, Any]) -> ImageAdapter:
    method = _METHODS[name]
    own = {key: value for key, value in settings.items() if key in _settings_of(name)}
    if method is KnownLooks:
        return KnownLooks(task.looks, **own)
    if not issubclass(method, Translation):
        return method(**own)
    checkpoint = None if own.get("checkpoint") is None else Path(str(own["checkpoint"]))
    if checkpoint is not None and not checkpoint.is_file():
        raise TaskError(f"There is no published translator {checkpoint}; correct adaptation.image_level.checkpoint.")
    sizes = {key: value for key, value in own.items() if key != "checkpoint"}
    return method(task, seed, device, TranslationSettings.of(device, sizes), checkpoint)


def _settings_of(name: str) -> set[str]:
    if issubclass(_METHODS[name], Translation):
        return {"checkpoint", *TranslationSettings.__dataclass_fields__}
    return set(inspect.signature(_METHODS[name]).parameters) - {"looks"}
