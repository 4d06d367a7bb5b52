"""Classification data, sources to start from, and what a training comes to on images that it never saw."""

from __future__ import annotations

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from benchmarks.table import Cell
from crosslabel.checkpoints import ModelStore
from crosslabel.data import Case, labelled_cases, stratified_folds
from crosslabel.evaluation.classes import accuracy, balanced_accuracy, calibration_error, macro_auroc
from crosslabel.explanation.answering import answer_cases
from crosslabel.inference import Classifier, load_predictor
from crosslabel.tasks import TaskSpec
from crosslabel.training import Job, TrainingJob
from crosslabel.transfer import costs_of

_SHARED = Path(__file__).parents[2] / "shared" / "data"
# Kept between cells, for a source is the same for all of them; not part of the results.
_SOURCES = Path(__file__).parent / "sources"

# Photographs in four classes (cookies, popcorn, doughnuts, pizza): the folder's name promises MR slices that it does not hold.
PICTURES = "pictures of food"
SAO_PAULO, UCSD = "Sao Paulo", "UCSD"
_FOLDERS = {
    SAO_PAULO: _SHARED / "covid_ct" / "saopaulo",
    UCSD: _SHARED / "covid_ct" / "ucsd",
    PICTURES: _SHARED / "brain_tumour_mri",
}
_CLASSES = {
    SAO_PAULO: ["COVID", "NonCOVID"],
    UCSD: ["COVID", "NonCOVID"],
    PICTURES: ["glioma_tumor", "meningioma_tumor", "no_tumor", "pituitary_tumor"],
}


@dataclass(frozen=True)
class Recipe:
    """What all rows of a table share.

    Attributes:
        name: of the folder of its sources.
        size: of the images, pixels a side.
        training: settings of a task's training.
        device: to train on.
    """

    name: str
    size: int
    training: dict[str, Any]
    device: str


_ALWAYS = {"flip_axes": [1], "validate_every": 2}
SHORT = Recipe(
    "short",
    128,
    {**_ALWAYS, "epochs": 10, "steps_per_epoch": 15, "batch_size": 16, "learning_rate": 5e-4, "early_stop": 3},
    "cpu",
)
# The size that the networks were published for (Inception takes others than its 299 as well).
FULL = Recipe(
    "full",
    224,
    {**_ALWAYS, "epochs": 60, "steps_per_epoch": 30, "batch_size": 32, "learning_rate": 1e-4, "early_stop": 8},
    "auto",
)


def cases_of(data: str) -> list[Case]:
    """The labelled images of a data set.

    Raises:
        FileNotFoundError: it is not on this machine.
    """
    if not _FOLDERS[data].is_dir():
        raise FileNotFoundError(f"{_FOLDERS[data].name} is not on this machine")
    return labelled_cases(_FOLDERS[data], task_for(data, "torchvision.resnet18", {"name": "full"}, 0))


def task_for(data: str, network: str, policy: dict[str, Any], seed: int, recipe: Recipe = SHORT, **training: Any) -> TaskSpec:
    """A task for a data set, with the training that all rows of a table share."""
    return TaskSpec.model_validate(
        {
            "schema": 1,
            "name": "benchmark",
            "title": data,
            "kind": "classification",
            "dimension": 2,
            "classes": _CLASSES[data],
            "domains": {
                "target": {"name": "any", "modality": "OT", "intensity": {"rule": "percentile", "lower": 0, "upper": 100}}
            },
            "patch": [recipe.size, recipe.size],
            "network": {"name": network},
            "transfer": {"policy": policy},
            "training": {**recipe.training, "seed": seed, **training},
        }
    )


def source_checkpoint(data: str, network: str, recipe: Recipe = SHORT) -> Path:
    """Weights of a network trained on all images of a data set, trained when they are first asked for (seed 0)."""
    place, store = _place(data, network, recipe), source_store(data, network, recipe)
    task = task_for(data, network, {"name": "full"}, 0, recipe)
    with FileLock(f"{place}.lock"):
        version = store.current(task)
        if version is None:
            # A cell that ran out of time before it was trained goes on with it.
            version = TrainingJob(task, cases_of(data), store, place / "run", device=recipe.device).run(resume=True)
    assert version is not None
    return version.path


def source_store(data: str, network: str, recipe: Recipe = SHORT) -> ModelStore:
    """Where the sources of a data set and a network lie."""
    return ModelStore(_place(data, network, recipe) / "models")


def _place(data: str, network: str, recipe: Recipe) -> Path:
    folder = _SOURCES / recipe.name
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{data.replace(' ', '-')}-{network}"


def score(
    cell: Cell, task: TaskSpec, training: Sequence[Case], test: Sequence[Case], weights: Path | None, recipe: Recipe = SHORT
) -> dict[str, float]:
    """Train from cases and score on others; with the network's size and the time of one image on one core."""

    def job(store: ModelStore, run: Path) -> Job:
        return TrainingJob(task, training, store, run, device=recipe.device, weights=weights)

    return score_of(cell, task, job, test, recipe)


def score_of(
    cell: Cell, task: TaskSpec, make: Callable[[ModelStore, Path], Job], test: Sequence[Case], recipe: Recipe = SHORT
) -> dict[str, float]:
    """What a job comes to on cases that it never saw.

    A cell that was stopped goes on: its search for a cut, and its epochs, are kept until it is measured.
    """
    place = Path(tempfile.gettempdir(), "crosslabel-classification", recipe.name, cell.key)
    place.mkdir(parents=True, exist_ok=True)
    store = ModelStore(place / "models")
    make(store, place / "run").run(resume=True)
    classifier = load_predictor(task, store, "cpu")
    shutil.rmtree(place, ignore_errors=True)
    assert isinstance(classifier, Classifier)
    answers = answer_cases(classifier, test).answers(task.classes)
    costs = costs_of(classifier.network, (1, recipe.size, recipe.size))
    return {
        "balanced accuracy": balanced_accuracy(answers),
        "accuracy": accuracy(answers),
        "AUROC": macro_auroc(answers),
        "ECE": calibration_error(answers),
        "parameters": costs.backbone_parameters / 1e6,
        "milliseconds": costs.latency_ms,
    }


def split(data: str, seed: int, folds: int = 5) -> tuple[list[Case], list[Case]]:
    """One of ``folds`` folds of a data set, the seed's: (training, test)."""
    return stratified_folds(cases_of(data), folds)[seed % folds]


def few(cases: Sequence[Case], count: int, seed: int) -> list[Case]:
    """``count`` cases of each class, drawn by the seed; larger counts hold the smaller ones."""
    by_class: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        by_class[str(case.label)].append(case)
    rng = np.random.default_rng(seed)
    chosen = []
    for name in sorted(by_class):
        order = rng.permutation(len(by_class[name]))
        chosen += [by_class[name][index] for index in order[:count]]
    return chosen
