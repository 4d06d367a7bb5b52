"""Phantoms as labelled data for benchmarks; scoring always uses seeds that nothing was trained on."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean

from crosslabel.data import Case, labelled_cases
from crosslabel.evaluation import measure_agreement
from crosslabel.images import Image, read_image
from crosslabel.inference import Predictor
from crosslabel.paths import sample_data_dir
from crosslabel.tasks import TaskSpec

# The generator is a set of scripts beside the samples and no part of the package.
sys.path.insert(0, str(sample_data_dir()))

Write = Callable[[Path], None]


@contextmanager
def labelled(write: Write, task: TaskSpec) -> Iterator[list[Case]]:
    """Labelled cases that ``write`` puts into a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="crosslabel-phantoms-") as name:
        folder = Path(name) / "data"
        write(folder)
        yield labelled_cases(folder, task)


def mean_dice(
    predictor: Predictor, cases: Sequence[Case], change: Callable[[Image], Image] = lambda image: image
) -> dict[str, float]:
    """Dice by label, averaged over cases, and the mean over labels under ``dice``.

    Args:
        predictor: of a segmentation task.
        cases: labelled cases.
        change: applied to every image before it is predicted on.
    """
    task = predictor.task
    scores: dict[str, list[float]] = {name: [] for name in task.label_values}
    for case in cases:
        predicted = predictor.predict(change(read_image(case.image))).label
        truth, grid = case.read_label(task)
        for name, value in task.label_values.items():
            scores[name].append(measure_agreement(predicted == value, truth == value, grid.spacing).dice)
    means = {name: fmean(values) for name, values in scores.items()}
    return {"dice": fmean(means.values()), **means}
