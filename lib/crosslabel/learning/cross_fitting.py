"""What a round's training comes to on new labels that it has not learnt from, where too few are held back to tell."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from crosslabel.checkpoints import Checkpoint, ModelStore
from crosslabel.data import Case
from crosslabel.data.splits import position
from crosslabel.errors import CrossLabelError
from crosslabel.inference import fill_network
from crosslabel.learning.measuring import Measured, measure_parted
from crosslabel.learning.replay import mixture
from crosslabel.tasks import TaskSpec
from crosslabel.training.prepared_cases import PreparedCases
from crosslabel.training.training_job import TrainingJob

# Two in each half; of fewer, a single mistake would decide.
_FEWEST = 4


def cross_fitted(
    task: TaskSpec,
    start: Checkpoint | None,
    cases: Sequence[Case],
    learnt: Collection[str],
    fresh: PreparedCases,
    device: str,
    cancelled: Callable[[], bool] = lambda: False,
) -> Measured | None:
    """Train twice without one half of the new labels and measure on it, so that each is judged by a network that never saw it.

    Cross-fitting (Chernozhukov et al. 2018): all new labels tell and all of them teach. What is measured has learnt from
    fewer labels than the network that is published, so that it does that one no favour.

    Args:
        task: with the settings of the round.
        start: what the round went on from; None for fresh weights.
        cases: all labels that the round learnt from.
        learnt: keys of those that ``start`` has seen.
        fresh: the new ones to judge by, prepared.
        device: to train on.
        cancelled: asked after every step.

    Returns:
        None with fewer than four patients with new labels, or where a half cannot be learnt from, as one that shows a
        single class.

    Raises:
        InterruptedError: it was cancelled.
    """
    groups = sorted({case.group for case in fresh.cases}, key=lambda group: position(group, task.training.seed))
    if len(groups) < _FEWEST:
        return None
    training = task.training.model_copy(update={"validation_share": 0.0})
    alone = task.model_copy(update={"training": training})
    networks = []
    for half in (set(groups[::2]), set(groups[1::2])):
        judged = fresh.of([case for case in fresh.cases if case.group in half])
        others = [case for case in cases if case.group not in half]
        with tempfile.TemporaryDirectory(prefix="crosslabel-cross-fitting-") as folder:
            store = ModelStore(Path(folder) / "models")
            version = None if start is None else store.publish(task, start.state, {"network_found": start.found})
            drawn = mixture(others, learnt, task.active_learning.new_share)
            job = TrainingJob(alone, drawn, store, Path(folder) / "run", device=device, start_from=version, cancelled=cancelled)
            try:
                found = job.run()
            except CrossLabelError:
                return None
            if found is None:
                raise InterruptedError
            networks.append((fill_network(task, store.load(task, found)).to(job.device), judged))
    return measure_parted(task, networks)
