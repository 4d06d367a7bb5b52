"""Short trainings of the first layers of a backbone, on pictures or volumes of two classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tiny
from crosslabel.checkpoints import ModelStore, Version
from crosslabel.data import labelled_cases
from crosslabel.tasks import TaskSpec
from crosslabel.training import TrainingJob

SMALL = {"name": "torchvision.resnet18", "arguments": {"cut": "layer1"}}
SHORT = {"epochs": 3, "steps_per_epoch": 6, "batch_size": 6, "validate_every": 1, "learning_rate": 0.01}


def task(policy: Any = "full", **changes: Any) -> TaskSpec:
    """A classification that is trained briefly by a transfer policy."""
    return tiny.classification_task(**{"network": SMALL, "training": SHORT, "transfer": {"policy": policy}, **changes})


def train(spec: TaskSpec, images: Path, folder: Path, **settings: Any) -> tuple[ModelStore, Version]:
    """Train on a folder of labelled images; the store below ``folder`` and the version that came of it."""
    store = ModelStore(folder / "models")
    version = TrainingJob(spec, labelled_cases(images, spec), store, folder / "run", device="cpu", **settings).run()
    return store, version
