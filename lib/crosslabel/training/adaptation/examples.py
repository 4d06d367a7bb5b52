"""Images for the report: of the target as the network segments them, of the source as they are made to look."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from crosslabel.adaptation.image_level import ImageAdapter, Picture
from crosslabel.inference import SlidingWindow, ask, standard_views
from crosslabel.tasks import TaskSpec
from crosslabel.training.prepared_cases import PreparedCases


@dataclass(frozen=True, eq=False)
class Example:
    """One target image.

    Attributes:
        id: of the image.
        grey: (rows, columns) the slice with most labelled voxels, 0 (black) to 1 (white), superior or anterior up.
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
        place = _fullest(label if truth is None else truth)
        found.append(
            Example(
                id=case.id,
                grey=_upright(_scaled(case.image[0].numpy()[place])),
                label=_upright(label[place]),
                truth=None if truth is None else _upright(truth[place]),
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
        slice_ = image[_fullest(np.zeros(image.shape))]
        found.append((_upright(_scaled(slice_)), f"{cases[index].id}: {task.classes[best]} ({float(probabilities[best]):.0%})"))
    return found


def looks_of(adapter: ImageAdapter, cases: PreparedCases, indices: list[int], draws: int = 5) -> list[Picture]:
    """Slices of source cases as they are, and as the adapter's randomisation makes them look in some draws."""
    found = []
    for index in indices:
        case = cases[index]
        label = case.truth if case.truth.ndim else None  # a class says nothing of places
        place = _fullest(np.zeros(case.image.shape[1:]) if label is None else label[0].numpy())
        found.append(Picture(case.id, "as it is", _upright(_scaled(case.image[0].numpy()[place]))))
        for draw in range(draws):
            changed = adapter.patch(case.image, np.random.default_rng(draw), None if label is None else label.float())
            found.append(Picture(case.id, f"draw {draw + 1}", _upright(_scaled(changed[0].numpy()[place]))))
    return found


def _fullest(label: np.ndarray) -> tuple[slice | int, ...]:
    """Index of the slice, along the last axis of a volume, with most labelled voxels; a picture is one."""
    if label.ndim == 2:
        return (slice(None), slice(None))
    counts = (label > 0).sum(axis=(0, 1))
    return (slice(None), slice(None), int(counts.argmax()) if counts.any() else label.shape[2] // 2)


def _scaled(grey: np.ndarray) -> np.ndarray:
    low, high = np.percentile(grey, [1, 99])
    return np.clip((grey - low) / max(high - low, 1e-6), 0, 1)


def _upright(plane: np.ndarray) -> np.ndarray:
    """(first axis, second axis) as rows and columns with the second axis up."""
    return plane.T[::-1]


def _dice(guess: np.ndarray, truth: np.ndarray) -> float:
    sizes = int(guess.sum()) + int(truth.sum())
    return 2 * int((guess & truth).sum()) / sizes if sizes else 1.0
