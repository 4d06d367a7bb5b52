"""Images for the report: of the target as the network segments them, of the source as they are made to look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from crosslabel.adaptation.image_level import ImageAdapter, Picture
from crosslabel.images import as_viewed, fullest, windowed
from crosslabel.inference import SlidingWindow, ask, standard_views
from crosslabel.tasks import TaskSpec
from crosslabel.training.prepared_cases import PreparedCases


@dataclass(frozen=True, eq=False)
class Example:
    """One target image.

    Attributes:
        id: of the image.
        grey: (rows, columns) the slice with most labelled voxels, 0 (black) to 1 (white), as viewers show it.
        label: (rows, columns) output-channel indices that were predicted there.
        truth: those of the label, if the image has one.
        quality: agreement of several views by label, as :class:`~crosslabel.inference.SegmentationResult` says it.
        volumes: by label, in mL.
        dice: by label, if the image has a label.
        taught: whether that label was trained on.
    """

    id: str
    grey: np.ndarray
    label: np.ndarray
    truth: np.ndarray | None
    quality: dict[str, float | None]
    volumes: dict[str, float]
    dice: dict[str, float]
    taught: bool


def examples_of(task: TaskSpec, network: nn.Module, cases: PreparedCases, indices: list[int], *, taught: bool) -> list[Example]:
    """Segment some cases with all views of test-time augmentation."""
    window, views = SlidingWindow(task.patch), standard_views(task)
    names = list(enumerate(task.output_names[1:], start=1))
    found = []
    for index in indices:
        case = cases[index]
        opinions = ask(network, case.image, window, views)
        label = opinions.indices
        truth = None if case.label is None else case.label[0].numpy()
        shown = _shown(task, label if truth is None else truth)
        found.append(
            Example(
                id=case.id,
                grey=windowed(shown(case.image[0].numpy())),
                label=shown(label),
                truth=None if truth is None else shown(truth),
                quality={name: opinions.agreement(value) for value, name in names},
                volumes={name: float((label == value).sum() * case.voxel_volume) for value, name in names},
                dice={} if truth is None else {name: _dice(label == value, truth == value) for value, name in names},
                taught=taught,
            )
        )
    return found


def examples_of_classes(
    task: TaskSpec, cases: PreparedCases, logits: torch.Tensor, indices: list[int]
) -> list[tuple[np.ndarray, str]]:
    """Some images, each with the class that is answered and its probability before calibration."""
    found = []
    for index in indices:
        image, probabilities = cases[index].image[0].numpy(), logits[index].softmax(dim=0)
        best = int(probabilities.argmax())
        plane = _shown(task, np.zeros(image.shape))(image)
        found.append((windowed(plane), f"{cases[index].id}: {task.classes[best]} ({float(probabilities[best]):.0%})"))
    return found


def looks_of(task: TaskSpec, adapter: ImageAdapter, cases: PreparedCases, indices: list[int], draws: int = 5) -> list[Picture]:
    """Slices of source cases as they are, and as the adapter's randomisation makes them look in some draws."""
    found = []
    for index in indices:
        case = cases[index]
        label = case.truth if case.truth.ndim else None  # a class says nothing of places
        shown = _shown(task, np.zeros(case.image.shape[1:]) if label is None else label[0].numpy())
        found.append(Picture(case.id, "as it is", windowed(shown(case.image[0].numpy()))))
        for draw in range(draws):
            changed = adapter.patch(case.image, np.random.default_rng(draw), None if label is None else label.float())
            found.append(Picture(case.id, f"draw {draw + 1}", windowed(shown(changed[0].numpy()))))
    return found


def _shown(task: TaskSpec, label: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """What takes the plane of an array of a prepared image that is shown: of a volume the slice with most labelled voxels."""
    if label.ndim == 2:
        return lambda array: array
    place = fullest(label > 0)
    return lambda array: as_viewed(array[..., place], task.orientation[:2])


def _dice(guess: np.ndarray, truth: np.ndarray) -> float:
    sizes = int(guess.sum()) + int(truth.sum())
    return 2 * int((guess & truth).sum()) / sizes if sizes else 1.0
