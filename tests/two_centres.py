"""Pictures of two classes from two centres: the same texture, at another brightness and contrast."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Picture

import tiny
from crosslabel.tasks import TaskSpec

CLASSES = ("striped", "plain")
_WINDOW = {"rule": "window", "lower": 0, "upper": 255}
_LOOKS = {"source": (128, 70), "target": (50, 15)}


def centres_task(**changes: Any) -> TaskSpec:
    """A classification that learns from one centre for the other, with the first layers of a backbone."""
    return tiny.classification_task(
        **{
            "name": "two_centres",
            "classes": list(CLASSES),
            "domains": {
                "target": {"name": "target", "modality": "XR", "intensity": _WINDOW},
                "sources": [{"name": "source", "modality": "XR", "intensity": _WINDOW}],
            },
            "network": {"name": "torchvision.resnet18", "arguments": {"cut": "layer1"}},
            "training": {"epochs": 4, "steps_per_epoch": 6, "batch_size": 6, "validate_every": 1, "learning_rate": 0.01},
            **changes,
        }
    )


def write_centre(folder: Path, centre: str, count: int, seed: int = 0) -> Path:
    """Class folders with ``count`` pictures each, as the ``source`` or the ``target`` centre takes them."""
    level, contrast = _LOOKS[centre]
    rng = np.random.default_rng(seed)
    for name in CLASSES:
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            texture = rng.normal(0, 0.4, (32, 32))
            if name == "striped":
                texture += np.sin(np.arange(32) * 1.6 + rng.uniform(0, 6))
            picture = (level + contrast * texture).clip(0, 255).astype(np.uint8)
            Picture.fromarray(picture).save(folder / name / f"{number}.png")
    return folder
