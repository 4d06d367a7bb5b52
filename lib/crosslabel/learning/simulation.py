"""The whole loop with labels that are known already in the place of the clinician."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from crosslabel.checkpoints import ModelStore
from crosslabel.data import Case
from crosslabel.data.splits import position
from crosslabel.errors import DataError
from crosslabel.images import image_id_of, write_label
from crosslabel.images.naming import suffix_of
from crosslabel.inference import fill_network, pick_device
from crosslabel.learning.final_labels import final_cases
from crosslabel.learning.measuring import Measured, measure
from crosslabel.learning.pool_scan import PoolScanner
from crosslabel.learning.round import LearningRound
from crosslabel.store import Origin, Store
from crosslabel.tasks import TaskSpec
from crosslabel.training.prepared_cases import PreparedCases

_ORACLE = "oracle"
_LEASE_SECONDS = 3600
# Labels are held back by the same hash with the replay's seed. With this seed, every patient whom it would hold back tests.
_TEST_SEED = 0


@dataclass(frozen=True)
class BudgetPoint:
    """Where a replay stood after one round.

    Attributes:
        labels: number of labels, those held back included.
        value: metric of the served model on the test cases; None where there is no model yet.
        parts: of each structure or class.
        picked: images that were labelled since the last point.
        promoted: whether the round's version is served; if not, ``value`` is still the model's before.
        seconds: for scoring the pool and training.
        obstacle: why the round could not learn from the labels that there were, such as that they show one class; else empty.
    """

    labels: int
    value: float | None
    parts: dict[str, float]
    picked: tuple[str, ...]
    promoted: bool
    seconds: float
    obstacle: str = ""

    @property
    def height(self) -> float:
        """The value for curves and areas: 0 without a model, so that a strategy pays for labels that taught nothing."""
        return 0.0 if self.value is None else self.value


@dataclass(frozen=True)
class Replay:
    """One strategy's way through the budgets with one seed."""

    strategy: str
    seed: int
    metric: str
    points: tuple[BudgetPoint, ...]


def split_test(cases: Sequence[Case], share: float) -> tuple[list[Case], list[Case]]:
    """(pool, test), by a hash of the patients: the same for every strategy and seed.

    Raises:
        DataError: one of them would be empty.
    """
    groups = sorted({case.group for case in cases}, key=lambda group: position(group, _TEST_SEED))
    test = set(groups[: round(share * len(groups))])
    pool, tested = [c for c in cases if c.group not in test], [c for c in cases if c.group in test]
    if not pool or not tested:
        raise DataError(f"{len(cases)} labelled cases cannot be split into a pool and a test set; give more, or another share.")
    return pool, tested


class Simulation:
    """Replays the loop: look at the pool, take the next cases, label them, learn, decide, and look again.

    What is done between two labels is done by the parts that the server uses: the store, its work list, the pool scanner and
    the learning round.

    Args:
        task: what is learnt; its settings are those of a server.
        pool: labelled cases to choose from.
        test: labelled cases that are only measured on.
        device: ``auto``, ``cpu``, ``cuda``, ...
        on_point: called with every point of a replay.

    Attributes:
        pool: usable cases to choose from, by the id of their image.
        test: usable cases to measure on.
        aside: why, by the id of each case that cannot be used.

    Raises:
        DataError: no case of the pool, or none to test on, can be used.
    """

    def __init__(
        self,
        task: TaskSpec,
        pool: Sequence[Case],
        test: Sequence[Case],
        *,
        device: str = "auto",
        on_point: Callable[[str, int, BudgetPoint], None] = lambda strategy, seed, point: None,
    ) -> None:
        self.task = task
        choosable, self.test = PreparedCases(task, pool), PreparedCases(task, test)
        self.aside = {**choosable.set_aside_unusable(), **self.test.set_aside_unusable()}
        self.pool = {_study_id(case): case for case in choosable.cases}
        self.device = device
        self.on_point = on_point

    def run(self, strategy: str, seed: int, budgets: Sequence[int]) -> Replay:
        """Go through growing budgets with a strategy.

        Args:
            strategy: name of one.
            seed: of training and of what the strategy draws, from 1.
            budgets: numbers of labels after which the model learns and is measured, growing.

        Raises:
            DataError: a budget is larger than the pool, or the seed is 0.
        """
        if not budgets or list(budgets) != sorted(set(budgets)) or budgets[0] < 1 or budgets[-1] > len(self.pool):
            raise DataError(f"The budgets have to grow from 1 to at most {len(self.pool)}, the size of the pool.")
        task = self._task(strategy, seed, min(np.diff([0, *budgets])))
        points: list[BudgetPoint] = []
        with self._studies() as (store, models, folder):
            for number, budget in enumerate(budgets):
                started = time.monotonic()
                PoolScanner(task, store, models, device=self.device).run(seed)
                wanted = budget - (points[-1].labels if points else 0)
                picked = self._annotate(store, task, wanted)
                promoted, obstacle = self._try_to_learn(task, store, models, folder / f"round {number}")
                seconds = time.monotonic() - started
                measured = self._measure(task, models)
                value, parts = (None, {}) if measured is None else (measured.value, measured.parts)
                points.append(BudgetPoint(budget, value, parts, picked, promoted, seconds, obstacle))
                self.on_point(strategy, seed, points[-1])
        metric = "dice" if task.kind == "segmentation" else "balanced accuracy"
        return Replay(strategy, seed, metric, tuple(points))

    def full(self, seed: int) -> float:
        """What the same recipe reaches with all labels of the pool, trained to its end.

        Raises:
            DataError: not even all labels can be learnt from, or the seed is 0.
        """
        task = self._task("random", seed, len(self.pool))
        with self._studies() as (store, models, folder):
            self._annotate(store, task, len(self.pool))
            self._learn(task, store, models, folder / "full")
            measured = self._measure(task, models)
            return 0.0 if measured is None else measured.value

    def _task(self, strategy: str, seed: int, batch: int) -> TaskSpec:
        if seed == _TEST_SEED:
            raise DataError("Seed 0 chose the test images, so that none would be held back from training; use seeds from 1.")
        changes = {"strategy": strategy, "offered": (strategy,), "new_labels": int(batch)}
        choosing = self.task.active_learning.model_copy(update=changes)
        training = self.task.training.model_copy(update={"seed": seed})
        return self.task.model_copy(update={"active_learning": choosing, "training": training, "checkpoint": None})

    @contextmanager
    def _studies(self) -> Iterator[tuple[Store, ModelStore, Path]]:
        """A server's folders with the pool's images, until the replay ends."""
        with tempfile.TemporaryDirectory(prefix="crosslabel-simulation-") as name:
            folder = Path(name)
            for image_id, case in self.pool.items():
                _link(case, folder / "studies" / f"{image_id}{suffix_of(case.image)}")
            with Store(folder / "studies") as store:
                store.scan()
                yield store, ModelStore(folder / "models"), folder

    def _annotate(self, store: Store, task: TaskSpec, count: int) -> tuple[str, ...]:
        """Take the next cases as a client would, and save their known labels."""
        strategy = task.active_learning.strategy
        waiting = store.worklist.waiting(task.name, task.eligible, _ORACLE, strategy=strategy, limit=count)
        ids = [case.image_id for case in waiting]
        store.worklist.acquire(task.name, ids, _ORACLE, _LEASE_SECONDS, count)
        for image_id in ids:
            self._save(store, task, image_id)
            store.leases.release(task.name, image_id, _ORACLE)
        return tuple(ids)

    def _save(self, store: Store, task: TaskSpec, image_id: str) -> None:
        case = self.pool[image_id]
        if isinstance(case.label, str):
            store.labels.save_class(task.name, image_id, case.label, Origin(_ORACLE))
            return
        values, grid = case.read_label(task)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / ("label.png" if task.dimension == 2 else "label.nii.gz")
            write_label(values, grid, file)
            store.labels.save_file(task.name, image_id, file, Origin(_ORACLE))

    def _try_to_learn(self, task: TaskSpec, store: Store, models: ModelStore, run_dir: Path) -> tuple[bool, str]:
        """(promoted, obstacle): as on a server, labels that cannot be learnt from yet wait for further ones."""
        try:
            return self._learn(task, store, models, run_dir), ""
        except DataError as error:
            return False, str(error)

    def _learn(self, task: TaskSpec, store: Store, models: ModelStore, run_dir: Path) -> bool:
        # The true patients, for those that the store knows are pseudonyms with a key of their own.
        cases = [replace(case, patient=self.pool[case.id].group) for case in final_cases(store, task)]
        unlabelled = [store.images.path(image_id) for image_id in store.worklist.ids(task.name, task.eligible)]
        learning = LearningRound(task, cases, models, run_dir, unlabelled=unlabelled, device=self.device)
        learning.run()
        return learning.verdict is not None and learning.verdict.promoted

    def _measure(self, task: TaskSpec, models: ModelStore) -> Measured | None:
        version = models.current(task)
        if version is None:
            return None
        network = fill_network(task, models.load(task, version)).to(pick_device(self.device))
        with torch.inference_mode():
            return measure(task, network, self.test)


def _study_id(case: Case) -> str:
    """An id that is a name of a file, whatever the data set's are."""
    return "/".join(part.strip(" .") or "_" for part in case.id.split("/"))


def _link(case: Case, target: Path) -> None:
    """A second name of the same file; a copy where the file system has none, or for the folder of a series.

    What the data set says of the image, or a sidecar beside it, is said by a sidecar there too.
    """
    source = case.image
    target.parent.mkdir(parents=True, exist_ok=True)
    sidecar, told = source.with_name(f"{image_id_of(source)}.json"), target.with_name(f"{image_id_of(target)}.json")
    if case.modality is not None:
        stated = {"Modality": case.modality.value, **({"Sequence": case.sequence} if case.sequence else {})}
        told.write_text(json.dumps(stated), encoding="utf-8")
    elif sidecar.is_file():
        shutil.copy2(sidecar, told)
    if source.is_dir():
        shutil.copytree(source, target)
        return
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
