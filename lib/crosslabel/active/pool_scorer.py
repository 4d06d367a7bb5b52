"""Scores of the images of a pool: the network stays loaded, images are batched, and broken ones are reported."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from crosslabel.active import passes
from crosslabel.active.aggregation import by_class, expected_dice, mean_of_classes
from crosslabel.active.features import DeepFeatures, appearance, gradient_embedding, style
from crosslabel.active.uncertainty import PassStatistics, decided, margin, predictive_entropy
from crosslabel.data import read_ahead
from crosslabel.errors import CrossLabelError
from crosslabel.images import Modality, read_image
from crosslabel.inference import SlidingWindow
from crosslabel.networks.heads import main_logits
from crosslabel.networks.penultimate import logits_and_features
from crosslabel.preparation import Preparation
from crosslabel.tasks import TaskSpec

# Scores from one look of the network, from looks with dropout, and from looks at changed images.
PLAIN = ("entropy", "margin", "foreground", "expected_dice")
DROPOUT = ("bald", "dropout_variance")
AUGMENTED = ("disagreement", "augmentation_variance")
ENSEMBLE = ("ensemble_variance", "ensemble_disagreement")
SCORES = (*PLAIN, *DROPOUT, *AUGMENTED, *ENSEMBLE)
# One score for each structure or class, as ``entropy:NAME``.
CLASS_SCORE = "entropy:"
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class PoolImage:
    """An image to score; modality and sequence are read from the file where they are None."""

    id: str
    path: Path
    modality: Modality | None = None
    sequence: str | None = None


@dataclass(frozen=True, eq=False)
class ImageScores:
    """What was found of an image.

    Attributes:
        image_id: the image.
        scores: by name, finite.
        vectors: float32 arrays by name: ``features``, ``gradient`` (of a network), ``style``, ``appearance``.
        problem: why it could not be scored; empty where it was.
    """

    image_id: str
    scores: Mapping[str, float] = field(default_factory=dict)
    vectors: Mapping[str, np.ndarray] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True, eq=False)
class _Read:
    """An image that was read and prepared, with what is computed without a network, or why it could not be."""

    id: str
    tensor: Tensor | None
    vectors: Mapping[str, np.ndarray]
    problem: str = ""


class PoolScorer:
    """Looks at images with a task's network, or before there is one, without.

    Args:
        task: what the images are for.
        network: in evaluation mode, on its device; None for a cold start, which gives ``style`` and ``appearance`` alone.
        wanted: names of scores; :data:`PLAIN` ones cost one look and are always given.
        looks: number of looks for those with dropout and those at changed images, each.
        ensemble: further networks, for :data:`ENSEMBLE`.
        batch_size: images (classification) or windows (segmentation) that the network sees at once.
        seed: of dropout and changes.
    """

    def __init__(
        self,
        task: TaskSpec,
        network: nn.Module | None,
        *,
        wanted: Collection[str] = PLAIN,
        looks: int = 4,
        ensemble: Sequence[nn.Module] = (),
        batch_size: int = 8,
        seed: int = 0,
    ) -> None:
        self.task = task
        self.network = network
        self.wanted = frozenset(wanted)
        self.looks = looks
        self.ensemble = ensemble
        self.batch_size = batch_size
        self.seed = seed
        self._preparation = Preparation(task)
        self._window = SlidingWindow(task.patch, batch_size=batch_size)
        self._features = DeepFeatures(task, network) if network is not None and task.kind == "segmentation" else None

    def scan(self, images: Iterable[PoolImage]) -> Iterator[ImageScores]:
        """Score images one after another, in the given order; what cannot be read comes back with its problem.

        The next images are read and prepared in a thread while the network looks at these.
        """
        # Classifiers see images of one size, so several fit into one batch; volumes are walked over one by one.
        size = self.batch_size if self.task.kind == "classification" else 1
        for group in read_ahead(lambda group: [self._read(image) for image in group], _groups(images, size)):
            yield from self._scored(group)

    def _read(self, image: PoolImage) -> _Read:
        try:
            read = read_image(image.path, modality=image.modality, sequence=image.sequence)
            tensor = self._preparation.forward(read).tensor
        except CrossLabelError as error:
            return _Read(image.id, None, {}, str(error))
        look = style(tensor)
        return _Read(image.id, tensor, {"style": look, "appearance": appearance(tensor, look)})

    def _scored(self, group: Sequence[_Read]) -> Iterator[ImageScores]:
        usable = [read for read in group if read.tensor is not None]
        try:
            looked = iter(self._look(usable) if usable else ())
        except torch.OutOfMemoryError:
            # Other images may be smaller, and without them there would be no order at all.
            looked = None
        if looked is None:
            torch.cuda.empty_cache()
        for read in group:
            if read.tensor is None:
                yield ImageScores(read.id, problem=read.problem)
            elif looked is None:
                yield ImageScores(read.id, problem="The GPU has too little memory for it.")
            else:
                scores, vectors = next(looked)
                yield ImageScores(read.id, scores, {**vectors, **read.vectors})

    def _look(self, reads: Sequence[_Read]) -> list[tuple[dict[str, float], dict[str, np.ndarray]]]:
        if self.network is None:
            return [({}, {}) for _ in reads]
        images = torch.stack([read.tensor for read in reads]).to(next(self.network.parameters()).device)
        with torch.inference_mode():
            if self._features is None:
                logits, features = logits_and_features(self.network, images)
                probabilities, vectors = logits.float().softmax(dim=1), features.float().cpu().numpy()
            else:
                with self._features.collected() as windows:
                    probabilities = passes.plain(self.network, images, self._predict)
                # A network without maps inside is compared by what can be said without it.
                seen = torch.cat(windows).mean(dim=0).numpy() if windows else reads[0].vectors["appearance"]
                vectors = seen[None]
            several = self._several(images)
            return [
                self._one(probabilities[number : number + 1], {name: maps[number] for name, maps in several.items()}, vector)
                for number, vector in enumerate(vectors)
            ]

    def _one(
        self, probabilities: Tensor, several: Mapping[str, Tensor], features: np.ndarray
    ) -> tuple[dict[str, float], dict[str, np.ndarray]]:
        """Scores and vectors of one image, (1, outputs, \\*spatial), and its maps of several looks."""
        inside = probabilities[0]
        maps = {"entropy": predictive_entropy(probabilities)[0], "margin": margin(probabilities)[0], **several}
        if self.task.kind == "classification":
            scores = {name: float(value) for name, value in maps.items()}
            best = int(inside.argmax())
            scores[f"{CLASS_SCORE}{self.task.classes[best]}"] = scores["entropy"]
            scores |= {"foreground": 1.0, "expected_dice": float(inside.max())}
            doubts = inside.cpu().numpy().copy()
            doubts[best] -= 1
        else:
            classes = {name: by_class(value, inside) for name, value in maps.items()}
            scores = {name: mean_of_classes(classes[name], value) for name, value in maps.items()}
            answer = decided(probabilities)[0]
            share = float((answer > 0).float().mean())
            scores |= {"foreground": share, "expected_dice": expected_dice(inside, answer)}
            pairs = zip(self.task.output_names[1:], classes["entropy"].tolist(), strict=True)
            scores |= {f"{CLASS_SCORE}{name}": value for name, value in pairs if value == value}
            doubts = np.array([_doubt(inside[index], answer == index) for index in range(1, len(inside))])
        return scores, {"features": features, "gradient": gradient_embedding(features, doubts)}

    def _several(self, images: Tensor) -> dict[str, Tensor]:
        """Maps (batch, \\*spatial) of the scores that need several looks."""
        found: dict[str, Tensor] = {}
        if self.wanted & set(DROPOUT):
            looks = passes.with_dropout(self.network, images, self._predict, count=self.looks, seed=self.seed)
            statistics = _statistics(looks)
            found |= {"bald": statistics.bald(), "dropout_variance": statistics.variance()}
        if self.wanted & set(AUGMENTED):
            axes = self.task.training.flip_axes
            looks = passes.with_augmentation(
                self.network, images, self._predict, count=self.looks, seed=self.seed, flip_axes=axes
            )
            statistics = _statistics(looks)
            found |= {"disagreement": statistics.disagreement(), "augmentation_variance": statistics.variance()}
        if self.wanted & set(ENSEMBLE) and self.ensemble:
            statistics = _statistics(passes.of_ensemble([self.network, *self.ensemble], images, self._predict))
            found |= {"ensemble_variance": statistics.variance(), "ensemble_disagreement": statistics.disagreement()}
        return found

    def _predict(self, network: nn.Module, images: Tensor) -> Tensor:
        if self.task.kind == "classification":
            return main_logits(network, images).float().softmax(dim=1)
        return torch.stack([self._window(network, image) for image in images]).float()


def _statistics(looks: Iterable[Tensor]) -> PassStatistics:
    statistics = PassStatistics()
    for probabilities in looks:
        statistics.add(probabilities)
    return statistics


def _doubt(probability: Tensor, mask: Tensor) -> float:
    voxels = mask.sum()
    return float(1 - (probability * mask).sum() / voxels) if voxels else 0.0


def _groups(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    group: list[_Item] = []
    for item in items:
        group.append(item)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
