"""Image-level methods by name, as task files and the command line give them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from crosslabel.adaptation.image_level.adapter import Chain, ImageAdapter, Unchanged
from crosslabel.adaptation.image_level.histogram import HistogramMatching
from crosslabel.adaptation.image_level.randomisation import GIN
from crosslabel.errors import TaskError
from crosslabel.tasks import TaskSpec

_METHODS: dict[str, Callable[..., ImageAdapter]] = {adapter.name: adapter for adapter in (Unchanged, HistogramMatching, GIN)}


def build_adapter(name: str, task: TaskSpec, seed: int, *, device: str = "cpu", **settings: Any) -> ImageAdapter:
    """An adapter that is not fitted yet.

    Args:
        name: ``none``, ``histogram``, ``gin``, or several joined by ``+``.
        task: whose images are adapted.
        seed: of everything random in it.
        device: where networks run.
        settings: for the constructors; each goes to those that have such a parameter.

    Raises:
        TaskError: an unknown name or setting.
    """
    names = name.split("+")
    for part in names:
        if part not in _METHODS:
            raise TaskError(
                f"There is no image-level method '{part}'; use one of {', '.join(_METHODS)}, or several joined by '+'."
            )
    facts = {"task": task, "seed": seed, "device": device}
    accepted = {part: set(inspect.signature(_METHODS[part]).parameters) for part in names}
    for setting in settings:
        if not any(setting in parameters - set(facts) for parameters in accepted.values()):
            raise TaskError(f"The image-level method {name} has no setting '{setting}'; leave it out.")
    offered = {**settings, **facts}
    adapters = [
        _METHODS[part](**{key: value for key, value in offered.items() if key in parameters})
        for part, parameters in accepted.items()
    ]
    return adapters[0] if len(adapters) == 1 else Chain(adapters)
