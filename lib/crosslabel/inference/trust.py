"""What a classifier knows of the limits of its own answers: learnt after training, kept with the checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from crosslabel.checkpoints import Checkpoint
from crosslabel.errors import TaskError
from crosslabel.networks.backbones import first_convolution
from crosslabel.networks.penultimate import logits_and_features

_DEEP, _EARLY = "deep", "early"
_NEIGHBOURS = 5
# Enough to describe a data set, few enough to compare an image with in a millisecond.
_LARGEST_BANK = 4000
_TEMPERATURES = torch.logspace(-1.5, 1.5, 301)


@dataclass(frozen=True, eq=False)
class Descriptors:
    """What a network makes of a batch of images.

    Attributes:
        logits: (batch, classes).
        deep: (batch, features), what the head sees, each of length 1.
        early: (batch, 2 * channels), mean and deviation of each map of the first convolution: the look of an image rather
            than its content, which a network trained on few classes may have unlearnt to tell apart further up. Equal to
            ``deep`` for a network without convolutions.
    """

    logits: Tensor
    deep: Tensor
    early: Tensor

    def thinned(self, most: int) -> Descriptors:
        """Evenly taken images, at most so many."""
        step = max(1, -(-len(self.logits) // most))
        return Descriptors(self.logits[::step], self.deep[::step], self.early[::step])


def describe(network: nn.Module, images: Tensor, count: int | None = None) -> Descriptors:
    """Run a network on (batch, channels, \\*spatial) images that lie on its device.

    Args:
        network: in evaluation mode.
        images: to run it on.
        count: how many of them, from the first, are described; all if ``None``. The logits are always those of all.
    """
    maps: list[Tensor] = []
    handles = [
        module.register_forward_hook(lambda _, inputs, output: maps.append(output)) for module in _first_convolution(network)
    ]
    try:
        logits, features = logits_and_features(network, images)
    finally:
        for handle in handles:
            handle.remove()
    wanted = len(images) if count is None else count
    deep = F.normalize(features[:wanted].float(), dim=1)
    if not maps:
        return Descriptors(logits.float(), deep, deep)
    # Slices of volumes come one after another along the batch, each as an image of its own.
    slices = len(maps[0]) // len(images)
    early = _mean_and_deviation(maps[0][: wanted * slices].float(), slices)
    return Descriptors(logits.float(), deep, early)


def _first_convolution(network: nn.Module) -> list[nn.Module]:
    """The convolution that sees the image; none in a network that has none."""
    try:
        return [first_convolution(network)[1]]
    except TaskError:
        return []


def _mean_and_deviation(maps: Tensor, slices: int) -> Tensor:
    """(images * slices, channels, ...) -> (images, 2 * channels), over all positions of all slices of an image."""
    flat = maps.flatten(2)
    # By moments: torch.var_mean takes fifteen times as long on a CPU, a tenth of a small network's own time.
    mean, square = flat.mean(dim=2), torch.linalg.vector_norm(flat, dim=2).square() / flat.shape[2]
    if slices > 1:
        mean, square = mean.unflatten(0, (-1, slices)).mean(dim=1), square.unflatten(0, (-1, slices)).mean(dim=1)
    variance = (square - mean**2).clamp_min(0)
    return torch.cat([mean, variance.sqrt()], dim=1)


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """Descriptors of training images, with which those of a new image are compared (Sun et al., ICML 2022).

    Attributes:
        examples: (images, length), standardised.
        center, scale: (length,), of the standardisation.
        unit: distance that counts as 1.
    """

    examples: Tensor
    center: Tensor
    scale: Tensor
    unit: float = 1.0

    @classmethod
    def of(cls, descriptors: Tensor) -> Neighbourhood:
        """Of the descriptors (images, length) of the training images."""
        center, scale = descriptors.mean(dim=0), descriptors.std(dim=0, correction=0)
        scale = torch.where(scale > 1e-6, scale, torch.ones_like(scale))
        return cls((descriptors - center) / scale, center, scale)

    def distance(self, descriptors: Tensor, *, itself: bool = False) -> Tensor:
        """Mean distance to the nearest training images, in units: (batch, length) -> (batch,).

        Args:
            descriptors: of new images.
            itself: they are the training images; each is left out of its own neighbours.
        """
        count = min(_NEIGHBOURS + itself, len(self.examples))
        distances = torch.cdist((descriptors - self.center) / self.scale, self.examples)
        nearest = distances.topk(count, dim=1, largest=False).values[:, int(itself and count > 1) :]
        return nearest.mean(dim=1) / self.unit


@dataclass(frozen=True, eq=False)
class Trust:
    """Temperature, and what training images look like.

    Attributes:
        temperature: logits are divided by it (Guo et al., ICML 2017); 1 where nothing was held back to learn it.
        calibrated: whether the temperature was learnt.
        neighbourhoods: by descriptor; empty where nothing was learnt.
        threshold: score up to which an image counts as like the training images.
        never_shown: indices of classes of which training had no image; they are never answered.
    """

    temperature: float = 1.0
    calibrated: bool = False
    neighbourhoods: dict[str, Neighbourhood] | None = None
    threshold: float = 1.0
    never_shown: tuple[int, ...] = ()

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Trust:
        """What a checkpoint holds; nothing is trusted where it holds nothing."""
        facts = checkpoint.provenance.get("trust")
        if facts is None:
            return cls()
        parts = {
            name: Neighbourhood(
                *(checkpoint.extras[f"trust.{name}.{part}"] for part in ("examples", "center", "scale")), unit=unit
            )
            for name, unit in facts["units"].items()
        }
        # Checkpoints of versions before do not say it.
        never_shown = tuple(facts.get("never_shown", ()))
        return cls(facts["temperature"], facts["calibrated"], parts or None, facts["threshold"], never_shown)

    def facts(self) -> dict[str, Any]:
        """All but the tensors, as JSON values for the provenance."""
        units = {name: part.unit for name, part in (self.neighbourhoods or {}).items()}
        return {
            "temperature": self.temperature,
            "calibrated": self.calibrated,
            "threshold": self.threshold,
            "units": units,
            "never_shown": list(self.never_shown),
        }

    def tensors(self) -> dict[str, Tensor]:
        """The tensors, for the extras of a checkpoint."""
        return {
            f"trust.{name}.{part}": getattr(neighbourhood, part)
            for name, neighbourhood in (self.neighbourhoods or {}).items()
            for part in ("examples", "center", "scale")
        }

    def probabilities(self, logits: Tensor) -> Tensor:
        """Calibrated probabilities of logits (..., classes)."""
        if self.never_shown:
            absent = torch.tensor(self.never_shown, device=logits.device)
            logits = logits.index_fill(-1, absent, -torch.inf)
        return (logits / self.temperature).softmax(dim=-1)

    def score(self, found: Descriptors) -> Tensor | None:
        """How unlike the training images each image is (batch,); ``None`` where nothing was learnt."""
        return None if self.neighbourhoods is None else self._score(found, itself=False)

    def _score(self, found: Descriptors, *, itself: bool) -> Tensor:
        parts = self.neighbourhoods or {}
        scores = [part.distance(getattr(found, name).cpu(), itself=itself) for name, part in parts.items()]
        return torch.stack(scores).amax(dim=0)


def learn_trust(training: Descriptors, held_back: Descriptors | None, classes: Tensor | None, share: float) -> Trust:
    """Learn what can be trusted.

    Args:
        training: descriptors of training images, on the CPU.
        held_back: of held-back images; without them nothing is calibrated and the training images, each compared with the
            others, set the threshold.
        classes: (images,) class indices of the held-back images.
        share: of the images that the threshold lets pass.
    """
    # Thinned before, so that each of those that are judged is among its own neighbours.
    training = training.thinned(_LARGEST_BANK)
    judged, itself = (training, True) if held_back is None else (held_back, False)
    parts = {}
    for name in (_DEEP, _EARLY):
        neighbourhood = Neighbourhood.of(getattr(training, name))
        unit = float(neighbourhood.distance(getattr(judged, name), itself=itself).quantile(share))
        parts[name] = Neighbourhood(neighbourhood.examples, neighbourhood.center, neighbourhood.scale, max(unit, 1e-6))
    trust = Trust(neighbourhoods=parts)
    # Two chances to be unlike: the threshold of the larger score is learnt again, so that the share holds.
    threshold = float(trust._score(judged, itself=itself).quantile(share))
    if held_back is None or classes is None:
        return Trust(neighbourhoods=parts, threshold=threshold)
    return Trust(fit_temperature(held_back.logits, classes), True, parts, threshold)


def fit_temperature(logits: Tensor, classes: Tensor) -> float:
    """The temperature of least negative log-likelihood, by search over a grid and a refinement.

    Targets are smoothed by 1 / (images + 2), as Platt (1999) does, so that few images that are all right do not make the
    network certain of everything.

    Args:
        logits: (images, classes) of held-back images.
        classes: (images,) class indices.
    """

    def loss(temperature: Tensor) -> float:
        return float(F.cross_entropy(logits / temperature, classes, label_smoothing=1 / (len(classes) + 2)))

    best = min(_TEMPERATURES, key=loss)
    return float(min(best * torch.linspace(0.97, 1.03, 61), key=loss))


def described(network: nn.Module, images: Callable[[int], Tensor], count: int, batch_size: int = 16) -> Descriptors:
    """Descriptors of ``count`` images, given one at a time as (channels, \\*spatial), on the CPU."""
    device = next(network.parameters()).device
    found = []
    with torch.inference_mode():
        for start in range(0, count, batch_size):
            batch = torch.stack([images(index) for index in range(start, min(count, start + batch_size))])
            found.append(describe(network, batch.to(device)))
    # Cloned, for tensors made in inference mode cannot be saved into a network or take part in later gradients.
    return Descriptors(
        *(torch.cat([getattr(part, name) for part in found]).cpu().clone() for name in ("logits", _DEEP, _EARLY))
    )
