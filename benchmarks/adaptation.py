"""Pairs of domains to adapt between, with one budget for all methods, and how a method is scored on them."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.phantoms import labelled
from crosslabel.data import Case
from crosslabel.evaluation import measure_agreement
from crosslabel.images import Modality, read_image
from crosslabel.inference import Predictor
from crosslabel.paths import tasks_dir
from crosslabel.tasks import TaskSpec, load_task

# Real images lie beside the checkout and never in it.
SHARED = Path(__file__).parents[1].parent / "shared" / "data"
_PATIENTS = ("0003", "0004", "0005", "0006")


@dataclass(frozen=True)
class Budget:
    """What all rows of a table share.

    Attributes:
        training: settings of the tasks' training.
        network: as a task file declares it.
        attention: the network of rows that compare attention; the same one, where that has it.
        translator: settings of translators.
        device: to compute on.
    """

    training: Mapping[str, Any]
    network: Mapping[str, Any]
    attention: Mapping[str, Any]
    translator: Mapping[str, Any]
    device: str


# What a machine without a GPU can afford.
NARROW = Budget(
    {
        "epochs": 40,
        "steps_per_epoch": 20,
        "batch_size": 2,
        "learning_rate": 4e-3,
        "focal_gamma": 0,
        "validation_share": 0,
        "validate_every": 10,
    },
    {
        "name": "UNet",
        "arguments": {"channels": [8, 16, 32, 64], "strides": [2, 2, 2], "num_res_units": 2, "norm": "INSTANCE"},
    },
    {"name": "dar_unet", "arguments": {"channels": [4, 8, 16, 32]}},
    {"epochs": 20, "steps_per_epoch": 40, "batch_size": 2, "window": 64, "learning_rate": 1e-3},
    "cpu",
)
# Networks and lengths of Yao et al. 2022, and the settings of translators that a GPU gets anyway.
PUBLISHED = Budget(
    {
        "epochs": 100,
        "steps_per_epoch": 250,
        "batch_size": 2,
        "learning_rate": 5e-4,
        "optimizer": "adabelief",
        "validation_share": 0,
        "validate_every": 20,
    },
    {"name": "dar_unet"},
    {"name": "dar_unet"},
    {},
    "auto",
)


@dataclass(frozen=True)
class Pair:
    """Two domains.

    Attributes:
        task: with the budget.
        source: labelled cases of the source domain.
        target: labelled cases of the target domain; methods are given their images alone.
        scored: cases of the target domain to score on.
        oracle: labelled cases of the target domain to train on; none where there are none to spare.
    """

    task: TaskSpec
    source: Sequence[Case]
    target: Sequence[Case]
    scored: Sequence[Case]
    oracle: Sequence[Case]


@contextmanager
def phantom_pair(seed: int, budget: Budget = NARROW) -> Iterator[Pair]:
    """CT to MR phantoms: 20 labelled CT, 8 unlabelled MR, scored on 6 other MR; the oracle has 20 labelled MR."""
    from phantoms.datasets import write_abdomens

    task = _with_budget(load_task(tasks_dir() / "abdomen_ct_mr.yaml"), seed, budget, patch=[64, 48, 32])
    first = 40_000 + 1_000 * seed

    def drawn(start: int, count: int, modality: str) -> Any:
        write = partial(write_abdomens, seeds=range(first + start, first + start + count), modalities=(modality,))
        return labelled(write, task)

    with (
        drawn(0, 20, "CT") as source,
        drawn(100, 8, "MR") as target,
        drawn(200, 6, "MR") as scored,
        drawn(300, 20, "MR") as oracle,
    ):
        yield Pair(task, source, target, scored, oracle)


@contextmanager
def tumour_pair(seed: int, budget: Budget = NARROW, *, source_patients: tuple[int, int], source: str) -> Iterator[Pair]:
    """T1c and FLAIR of four patients: one sequence of two is labelled, the other of the other two is the target and scored."""
    folder = SHARED / "brats_t1c_flair"
    if not folder.is_dir():
        raise FileNotFoundError(f"the T1c and FLAIR images are not at {folder}, so this column stays open")
    target = "FLAIR" if source == "T1c" else "T1c"
    task = _with_budget(load_task(tasks_dir() / "brain_tumour_t1c_flair.yaml"), seed, budget, patch=[48, 48, 48])
    if source == "FLAIR":
        task = _swapped(task)
    sources = [_PATIENTS[index] for index in source_patients]
    targets = [patient for patient in _PATIENTS if patient not in sources]
    cases = partial(_tumour_cases, folder)
    yield Pair(task, cases(sources, source), cases(targets, target), cases(targets, target), cases(sources, target))


@contextmanager
def crop_pair(seed: int, budget: Budget = NARROW) -> Iterator[Pair]:
    """One CT crop to one MR, both with TotalSegmentator's labels."""
    folder = SHARED / "totalseg"
    if not folder.is_dir():
        raise FileNotFoundError(f"the CT and MR volumes are not at {folder}, so this column stays open")
    task = _with_budget(load_task(tasks_dir() / "abdomen_ct_mr.yaml"), seed, budget, patch=[64, 48, 32])
    ct = Case("ct", folder / "ct_sm.nii.gz", folder / "ct_sm_seg_total.nii.gz", modality=Modality.CT)
    mr = Case("mr", folder / "mr.nii.gz", folder / "mr_seg_total.nii.gz", modality=Modality.MR)
    yield Pair(task, [ct], [mr], [mr], [])


def scores(predictor: Predictor, cases: Sequence[Case]) -> dict[str, float]:
    """Dice and ASSD (mm) by label and their means over labels; a distance is left out where there is none."""
    task = predictor.task
    by_label: dict[str, list[Any]] = {name: [] for name in task.label_values}
    for case in cases:
        image = read_image(case.image, modality=case.modality, sequence=case.sequence)
        predicted = predictor.predict(image).label
        truth, grid = case.read_label(task)
        for name, value in task.label_values.items():
            by_label[name].append(measure_agreement(predicted == value, truth == value, grid.spacing))
    found: dict[str, float] = {}
    for name, agreements in by_label.items():
        found[f"dice {name}"] = fmean(one.dice for one in agreements)
        distances = [one.assd_mm for one in agreements if not math.isnan(one.assd_mm)]
        if distances:
            found[f"assd {name}"] = fmean(distances)
    for kind in ("dice", "assd"):
        values = [value for name, value in found.items() if name.startswith(f"{kind} ")]
        if values:
            found[kind] = fmean(values)
    return found


def work_folder(pair: str, seed: int) -> Path:
    """Where what several cells share is kept: a translator is trained once for a pair and seed."""
    return Path(tempfile.gettempdir(), "crosslabel-adaptation", _plain(pair), str(seed))


def unlabelled(cases: Sequence[Case]) -> list[Case]:
    """The images alone."""
    return [replace(case, label=None) for case in cases]


PAIRS: dict[str, Callable[[int, Budget], Any]] = {
    "CT to MR phantoms": phantom_pair,
    **{
        f"{source} to {target}, {a + 1}{b + 1} to others": partial(tumour_pair, source_patients=(a, b), source=source)
        for a, b in ((0, 1), (0, 2), (0, 3))
        for source, target in (("T1c", "FLAIR"), ("FLAIR", "T1c"))
    },
    "CT crop to MR": crop_pair,
}


def _with_budget(task: TaskSpec, seed: int, budget: Budget, patch: list[int]) -> TaskSpec:
    content = task.model_dump(mode="json", by_alias=True)
    kept = {"flip_axes": content["training"]["flip_axes"], "foreground_share": content["training"]["foreground_share"]}
    changes = {"patch": patch, "network": budget.network, "training": {**budget.training, **kept, "seed": seed}}
    return TaskSpec.model_validate({**content, **changes})


def _swapped(task: TaskSpec) -> TaskSpec:
    content = task.model_dump(mode="json", by_alias=True)
    target, (source,) = content["domains"]["target"], content["domains"]["sources"]
    return TaskSpec.model_validate({**content, "domains": {"target": source, "sources": [target]}})


def _tumour_cases(folder: Path, patients: Sequence[str], sequence: str) -> list[Case]:
    return [
        Case(
            f"{patient} {sequence}",
            folder / f"brats_2013_pat{patient}_1_{sequence.lower()}.nii.gz",
            folder / f"brats_2013_pat{patient}_1_label.nii.gz",
            modality=Modality.MR,
            sequence=sequence,
            patient=patient,
        )
        for patient in patients
    ]


def _plain(text: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in text.lower())
