"""Looking at the pool with the served version, and ranking it by every strategy that the task offers."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from torch import nn

from crosslabel.active import STRATEGIES, ImageScores, PoolImage, PoolScorer, order_by, pool_of
from crosslabel.active.pool_scorer import ENSEMBLE, PLAIN, SCORES
from crosslabel.checkpoints import ModelStore, Version
from crosslabel.errors import CheckpointError
from crosslabel.inference import fill_network, pick_device
from crosslabel.store import PoolScan, Ranked, Store
from crosslabel.tasks import TaskSpec

# What is found is kept this often, so that a scan that is killed goes on near where it was.
_SAVE_EVERY_SECONDS = 5.0
_NO_CHECKPOINT = "none"
# Earlier versions that look at the pool beside the served one, where scores of an ensemble are wanted.
_MOST_MEMBERS = 2


@dataclass(frozen=True)
class ScanReport:
    """What a scan did.

    Attributes:
        checkpoint: name of the version that looked; empty for none.
        scored: images that were looked at now; others had not changed.
        problems: why, by the id of each image that could not be scored.
        finished: it was not cancelled.
    """

    checkpoint: str
    scored: int = 0
    problems: dict[str, str] = field(default_factory=dict)
    finished: bool = True


class PoolScanner:
    """Scores all images of a task that wait or are labelled, and ranks those that wait.

    Args:
        task: what is annotated.
        store: of the studies.
        models: of the checkpoints.
        device: ``auto``, ``cpu``, ``cuda``, ...
        on_progress: called with (images looked at, images to look at).
        cancelled: asked after every image; what was found until then is kept.
    """

    def __init__(
        self,
        task: TaskSpec,
        store: Store,
        models: ModelStore,
        *,
        device: str = "auto",
        on_progress: Callable[[int, int], None] = lambda done, total: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        self.task = task
        self.store = store
        self.models = models
        self.device = device
        self.on_progress = on_progress
        self.cancelled = cancelled

    def run(self, seed: int = 0) -> ScanReport:
        """Look at what changed since this version last looked, then rank.

        Args:
            seed: of what strategies draw at random.

        Raises:
            CheckpointError: the served version does not fit the task.
        """
        version = self.models.current(self.task)
        checkpoint = scan_name(self.task, version)
        waiting = self.store.worklist.ids(self.task.name, self.task.eligible)
        labelled = self.store.worklist.labelled(self.task.name, self.task.eligible)
        outdated = self.store.pool_scans.outdated(self.task.name, checkpoint, [*waiting, *labelled])
        scored = self._scan(version, checkpoint, outdated) if outdated else 0
        found = self.store.pool_scans.of(self.task.name, checkpoint)
        problems = {image_id: scan.problem for image_id, scan in found.items() if scan.problem}
        self._rank(checkpoint, found, waiting, labelled, seed)
        return ScanReport("" if version is None else version.name, scored, problems, scored == len(outdated))

    def _scan(self, version: Version | None, checkpoint: str, image_ids: Sequence[str]) -> int:
        network, wanted = None if version is None else self._network(version), _wanted(self.task)
        ensemble = self._members(version) if version is not None and wanted & set(ENSEMBLE) else ()
        looks = self.task.active_learning.looks
        scorer = PoolScorer(self.task, network, wanted=wanted, looks=looks, ensemble=ensemble)
        records = {image.id: image for image in self.store.images.list()}
        images = [PoolImage(image_id, records[image_id].path) for image_id in image_ids if image_id in records]
        unsaved: list[ImageScores] = []
        saved_at = time.monotonic()
        self.on_progress(0, len(images))
        for done, scores in enumerate(scorer.scan(images), start=1):
            unsaved.append(scores)
            self.on_progress(done, len(images))
            stop = self.cancelled()
            if stop or time.monotonic() - saved_at > _SAVE_EVERY_SECONDS:
                self._save(checkpoint, unsaved)
                unsaved, saved_at = [], time.monotonic()
            if stop:
                return done
        self._save(checkpoint, unsaved)
        return len(image_ids)

    def _network(self, version: Version) -> nn.Module:
        return fill_network(self.task, self.models.load(self.task, version)).to(pick_device(self.device))

    def _members(self, served: Version) -> list[nn.Module]:
        """The last versions that were served before this one, as an ensemble with it."""
        found: list[nn.Module] = []
        for version in reversed(self.models.versions(self.task)):
            good = self.models.record(version).get("learning", {}).get("promoted", True)
            if version.number >= served.number or not good or len(found) == _MOST_MEMBERS:
                continue
            # One that was trained before the task file changed has no say.
            with contextlib.suppress(CheckpointError):
                found.append(self._network(version))
        return found

    def _save(self, checkpoint: str, scores: Sequence[ImageScores]) -> None:
        scans = [PoolScan(one.image_id, one.scores, one.vectors, one.problem) for one in scores]
        self.store.pool_scans.save(self.task.name, checkpoint, scans)

    def _rank(
        self, checkpoint: str, found: dict[str, PoolScan], waiting: Sequence[str], labelled: Sequence[str], seed: int
    ) -> None:
        names = self.task.output_names[1:] if self.task.kind == "segmentation" else self.task.classes
        pool = pool_of(found, waiting, labelled, names, self.task.active_learning.new_labels)
        for number, strategy in enumerate(strategies_of(self.task)):
            rng = np.random.default_rng([self.task.training.seed, seed, number, len(labelled)])
            order = [Ranked(image_id, pick.score, pick.sentence) for image_id, pick in order_by(strategy, pool, rng)]
            self.store.rankings.replace(self.task.name, strategy, order, "" if checkpoint == _NO_CHECKPOINT else checkpoint)


def strategies_of(task: TaskSpec) -> list[str]:
    """Names of the strategies whose order is kept for a task; the task's own is always one of them."""
    settings = task.active_learning
    return [name for name in STRATEGIES if name in {*settings.offered, settings.strategy}]


def scan_name(task: TaskSpec, version: Version | None) -> str:
    """Under which name a version's scores are kept: they are others where more is looked for."""
    if version is None:
        return _NO_CHECKPOINT
    more = sorted(_wanted(task) - set(PLAIN))
    return f"{version.name} with {task.active_learning.looks} looks for {', '.join(more)}" if more else version.name


def _wanted(task: TaskSpec) -> set[str]:
    needs = set().union(*(STRATEGIES[name].needs for name in strategies_of(task)))
    return {*PLAIN, *(needs & set(SCORES))}
