"""What adaptation adds to a few labels of the target domain."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from filelock import FileLock

from benchmarks.adaptation import NARROW, PAIRS, Pair, scores, unlabelled, work_folder
from benchmarks.table import Cell, Table, difference
from crosslabel.checkpoints import ModelStore, Version
from crosslabel.data import Case
from crosslabel.inference import load_predictor
from crosslabel.tasks import TaskSpec
from crosslabel.training import TrainingJob
from crosslabel.training.adaptation import AdaptationCases, AdaptationJob

ALONE, TOGETHER, AFTERWARDS = "k labels alone", "adaptation and k labels at once", "adaptation, then k labels"
AGAIN, LONGER = "adaptation, then adaptation with k labels", "k labels alone, twice as long"
_PHANTOMS, _TUMOURS = "CT to MR phantoms", "T1c to FLAIR, 12 to others"
_COLUMNS = {
    **{f"{_PHANTOMS}, k = {count}": (_PHANTOMS, count) for count in (1, 2, 5, 10)},
    f"{_TUMOURS}, k = 1": (_TUMOURS, 1),
}


def measure(cell: Cell) -> dict[str, float]:
    """Train with k labels of the target: from scratch, beside source and unlabelled images, or from what these came to."""
    name, count = _COLUMNS[cell.column]
    with PAIRS[name](cell.seed, NARROW) as pair, tempfile.TemporaryDirectory() as folder:
        given, rest, scored = _parted(pair, name, count)
        store = ModelStore(Path(folder) / "models")
        # Kept if the cell is stopped: it then goes on instead of starting again.
        run = work_folder(cell.column, cell.seed) / cell.key
        start = _adapted(pair, name, cell.seed, store) if cell.row in (AFTERWARDS, AGAIN) else None
        if cell.row in (TOGETHER, AGAIN):
            cases = AdaptationCases(pair.source, [*given, *unlabelled(rest)])
            AdaptationJob(pair.task, cases, store, run, device="cpu", start_from=start).run(resume=True)
        else:
            task = _twice_as_long(pair.task) if cell.row == LONGER else pair.task
            TrainingJob(task, given, store, run, device="cpu", start_from=start).run(resume=True)
        found = scores(load_predictor(pair.task, store, "cpu"), scored)
    shutil.rmtree(run, ignore_errors=True)
    return found


def _twice_as_long(task: TaskSpec) -> TaskSpec:
    training = task.training.model_copy(update={"epochs": 2 * task.training.epochs})
    return task.model_copy(update={"training": training})


def _adapted(pair: Pair, name: str, seed: int, store: ModelStore) -> Version:
    """What adaptation without any label comes to, in a store; trained once for a pair and seed."""
    place = work_folder(name, seed) / "without labels"
    place.mkdir(parents=True, exist_ok=True)
    shared = ModelStore(place / "models")
    with FileLock(place / "lock"):
        version = shared.current(pair.task)
        if version is None:
            cases = AdaptationCases(pair.source, unlabelled(pair.target))
            version = AdaptationJob(pair.task, cases, shared, place / "run", device="cpu").run(resume=True)
    assert version is not None
    return store.publish(pair.task, shared.load(pair.task, version).state, {"method": shared.record(version)["method"]})


def _parted(pair: Pair, name: str, count: int) -> tuple[list[Case], list[Case], list[Case]]:
    """Target cases that are labelled, that are not, and that are scored on."""
    if name == _PHANTOMS:
        return [replace(case, id=f"labelled {case.id}") for case in pair.oracle[:count]], list(pair.target), list(pair.scored)
    return list(pair.target[:count]), list(pair.target[count:]), list(pair.target[count:])


def gained(measured: dict[Cell, dict[str, float]]) -> dict[Cell, dict[str, float]]:
    """Dice with adaptation less Dice without, of the same column and seed."""

    def reference(cell: Cell) -> Cell | None:
        return None if cell.row in (ALONE, LONGER) else replace(cell, row=ALONE)

    return difference(measured, "dice", "gained", reference)


TABLE = Table(
    name="adaptation_with_labels",
    title="Adaptation plus k labels of the target against k labels alone",
    rows=(ALONE, LONGER, AGAIN, AFTERWARDS, TOGETHER),
    columns=tuple(_COLUMNS),
    seeds=(0, 1, 2),
    measure=measure,
    metrics={
        "dice": "mean over labels, scored target images",
        "assd": "average symmetric surface distance, mm, mean over labels; images that lack one of the surfaces are left out",
        "gained": "Dice with adaptation less Dice without, of the same seed",
    },
    note="The networks and phantoms of adaptation_accuracy, by the method that is the default. Every training has the 800 "
    "steps of that table: k labels alone and both at once have 800 in all, and what goes on from an adaptation, as a "
    "server does from what it serves, has 800 before there is a label and 800 with them, as many as k labels alone, "
    "twice as long. Beside the k labelled target images, adaptation sees 20 labelled source phantoms and 8 unlabelled"
    " target ones; of T1c and FLAIR two labelled source patients and the target patients, one of whom is labelled "
    "afterwards and the other scored (transductive, four patients in all, so that k can be no more than 1). Goal: "
    "adaptation is better at every k.",
    derive=gained,
)
