"""Pseudo-labels of one target image, and which of their voxels to believe."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from crosslabel.adaptation.self_training.appearance import AppearanceModel
from crosslabel.adaptation.self_training.volume_prior import VolumePrior
from crosslabel.inference import Opinions, largest_components


@dataclass(frozen=True)
class Beliefs:
    """What has to hold for a voxel of a pseudo-label to be learnt from.

    Attributes:
        confidence: least mean probability of a structure over the views; lowered for one of which fewer than ``least_kept``
            reach it.
        background_confidence: the same of the background. A teacher that never saw the modality misses parts of structures
            more often than it invents some, and is not sure of what it takes them for.
        least_kept: share of each label's voxels that are sure enough, by the order of their confidence: structures that are
            hard are unsure as a whole, and would never be learnt (class-balanced self-training, Zou et al., ECCV 2018).
        agreement: least share of the views that vote for it.
        single: output channels of structures in one piece: what lies apart is not believed.
        prior: plausible volumes; a structure outside its range is not believed at all in this image, and no background is.
    """

    confidence: float
    background_confidence: float
    least_kept: float
    agreement: float
    single: tuple[int, ...]
    prior: VolumePrior


@dataclass(frozen=True, eq=False)
class PseudoLabel:
    """What the teacher says of an image.

    Attributes:
        label: (\\*spatial) output-channel indices, uint8.
        keep: (\\*spatial) booleans, the voxels to learn from.
        predicted: voxels of each structure that the teacher predicts, by name.
        kept: those of them that are believed.
        implausible: names of the structures whose volume is implausible.
    """

    label: np.ndarray
    keep: np.ndarray
    predicted: dict[str, int]
    kept: dict[str, int]
    implausible: tuple[str, ...]


def make_pseudo_label(
    opinions: Opinions,
    voxel_volume: float,
    beliefs: Beliefs,
    image: Tensor | None = None,
    appearance: AppearanceModel | None = None,
) -> PseudoLabel:
    """What to believe of a teacher's prediction, in the light of the image where that helps.

    Grey values are not asked where they would make a structure's volume implausible that was plausible before.

    Args:
        opinions: of the teacher on several views of the image.
        voxel_volume: of one voxel, in the unit of the prior.
        beliefs: the filters.
        image: (channels, \\*spatial), for the model.
        appearance: moves borders to where grey values change.
    """
    plain = _filtered(opinions, opinions.mean, voxel_volume, beliefs)
    if appearance is None or image is None:
        return plain
    refined = _filtered(opinions, appearance.posterior(image, opinions.mean), voxel_volume, beliefs)
    return plain if set(refined.implausible) - set(plain.implausible) else refined


def _filtered(opinions: Opinions, mean: Tensor, voxel_volume: float, beliefs: Beliefs) -> PseudoLabel:
    """The filters on probabilities (K, \\*spatial), which may be others than the opinions' own."""
    names = beliefs.prior.names
    label = mean.argmax(dim=0).numpy().astype(np.uint8)
    confidence = mean.amax(dim=0).numpy()
    keep = confidence >= _thresholds(confidence, label, beliefs)[label]
    # The views have no say where grey values have overruled all of them.
    keep &= (opinions.share() >= beliefs.agreement) | (label != opinions.indices)
    stray = largest_components(label, beliefs.single)
    keep &= ~stray
    sizes = np.bincount(label[~stray], minlength=len(names) + 1)
    implausible = []
    for index, name in enumerate(names, start=1):
        if not beliefs.prior.is_plausible(name, float(sizes[index] * voxel_volume)):
            implausible.append(name)
            # Nor is any background, which may be it: a teacher that misses a structure is sure of that.
            keep &= (label != index) & (label != 0)
    predicted = np.bincount(label.ravel(), minlength=len(names) + 1)
    kept = np.bincount(label[keep], minlength=len(names) + 1)
    return PseudoLabel(
        label=label,
        keep=keep,
        predicted={name: int(predicted[index]) for index, name in enumerate(names, start=1)},
        kept={name: int(kept[index]) for index, name in enumerate(names, start=1)},
        implausible=tuple(implausible),
    )


def _thresholds(confidence: np.ndarray, label: np.ndarray, beliefs: Beliefs) -> np.ndarray:
    """Least confidence of each output channel."""
    found = np.full(len(beliefs.prior.names) + 1, beliefs.confidence, np.float32)
    found[0] = beliefs.background_confidence
    for index in np.unique(label) if beliefs.least_kept else ():
        enough = np.quantile(confidence[label == index], 1 - beliefs.least_kept, method="higher")
        found[index] = min(found[index], enough)
    return found
