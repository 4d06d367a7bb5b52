"""Whether a new version is to be served: only if it is not worse than the one that is.

What is measured on a handful of images varies by chance, and a new version has seen more labels than the one before, so that
it is worse only if it loses more than one standard error of the difference, image by image.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from crosslabel.active.aggregation import foreground_aware
from crosslabel.active.passes import plain, with_augmentation
from crosslabel.active.uncertainty import PassStatistics
from crosslabel.inference import SlidingWindow
from crosslabel.learning.measuring import Measured
from crosslabel.networks.heads import main_logits
from crosslabel.tasks import TaskSpec

# A difference this small in agreement says nothing on a dozen images.
_TOLERANCE = 0.02
# Losing one image of the n of a class, or of all where there are no classes, is exactly one standard error.
_ROUNDING = 1e-6
_LOOKS = 2
_SEED = 0


@dataclass(frozen=True)
class Verdict:
    """What was decided, on what grounds, in words.

    Attributes:
        promoted: whether the new version is served.
        reason: one sentence.
        metric: what was compared.
        value: the new version's; None where nothing could be measured.
        before: that of the version served before; None where there was none, or it had seen what was measured on.
        on: what it was measured on.
    """

    promoted: bool
    reason: str
    metric: str
    value: float | None
    before: float | None
    on: str


def by_held_back(new: Measured, old: Measured | None, count: int) -> Verdict:
    """Compare on labels that neither has learnt from; without an old result the new one is the first."""
    return _compared(new, old, f"{count} held-back labels")


def by_cross_fitting(new: Measured, old: Measured, count: int) -> Verdict:
    """Compare on new labels, which neither the old model nor what stands for the new one has seen; see :func:`cross_fitted`."""
    return _compared(new, old, f"{count} new labels by cross-fitting, for fewer than five labels are held back")


def _compared(new: Measured, old: Measured | None, on: str) -> Verdict:
    if old is None:
        return Verdict(True, f"It is the first model that could be measured on {on}.", new.metric, new.value, None, on)
    chance = _chance(new, old)
    worse = old.value - new.value > chance + _ROUNDING
    said = f"{new.metric} {new.value:.3f} against {old.value:.3f} before, on {on}"
    if worse:
        reason = f"It is worse and is not served: {said}."
    elif new.value >= old.value:
        reason = f"It is not worse: {said}."
    else:
        reason = f"It is lower by no more than chance explains (standard error {chance:.3f}), so it is served: {said}."
    return Verdict(not worse, reason, new.metric, new.value, old.value, on)


def _chance(new: Measured, old: Measured) -> float:
    """Standard error of the difference of two results, from paired differences of the cases both were measured on.

    A result is a mean over K structures or classes of their means over n_k cases. Cases are drawn, and a case may count to
    several parts, so that its variance is sum_i (sum_k sqrt(n_k / (n_k - 1)) (d_ik - d_k) / (n_k K))^2 over cases i, with the
    differences d_ik and their mean d_k in part k; in a part of a single case, of which no spread can be told, d_k is taken for
    0 and the root for 1. Where each case counts to one part that is sum_k s_k^2 / n_k / K^2, and where each counts to all, the
    variance of the mean over cases. Without parts, all cases are one.
    """
    parts = [(new.by_part[name], old.by_part[name]) for name in new.by_part if name in old.by_part]
    paired = [
        {case: ours[case] - theirs[case] for case in ours.keys() & theirs.keys()}
        for ours, theirs in parts or [(new.by_case, old.by_case)]
    ]
    told = [differences for differences in paired if differences]
    of_case: dict[str, float] = defaultdict(float)
    for differences in told:
        count = len(differences)
        mean, factor = (float(np.mean(list(differences.values()))), (count / (count - 1)) ** 0.5) if count > 1 else (0.0, 1.0)
        for case, difference in differences.items():
            of_case[case] += factor * (difference - mean) / (count * len(told))
    return sum(value**2 for value in of_case.values()) ** 0.5


def standard_error(differences: Sequence[float]) -> float:
    """Of the mean of paired differences; 0 where there are fewer than two."""
    return float(np.std(differences, ddof=1) / np.sqrt(len(differences))) if len(differences) > 1 else 0.0


def without_held_back(
    fits: tuple[Measured | None, Measured | None], agreements: tuple[Sequence[float] | None, Sequence[float] | None]
) -> Verdict:
    """Decide with fewer than five held-back labels, by what needs none.

    The new model has to explain the newly labelled images, which the old one had not seen, at least as well as the old one
    did; and it has to agree with itself on unlabelled images that are changed a little, about as well as the old one (the
    consistency under perturbation by which MAPSeg, CVPR 2024, selects without labels). The first alone would promote a
    model that only learnt by heart, the second alone one that always answers "background".

    Args:
        fits: new and old model on the newly labelled images; the old one's is honest, the new one has learnt from them.
        agreements: new and old model's :func:`agreements` on the same unlabelled images; empty or None without any.
    """
    (fit, fit_before), (now, before) = fits, (agreements[0] or [], agreements[1] or [])
    mean_now, mean_before = (float(np.mean(values)) if values else None for values in (now, before))
    on = f"label-free: agreement with itself on {len(now)} unlabelled images, for fewer than five labels are held back"
    common = {"metric": "agreement", "value": mean_now, "before": mean_before, "on": on}
    if fit is None or fit.value == 0:
        return Verdict(False, "It finds nothing in the images that it learnt from, so it is not served.", **common)
    if fit_before is not None and fit.value < fit_before.value:
        said = f"{fit.metric} {fit.value:.3f} against {fit_before.value:.3f}"
        return Verdict(
            False, f"It explains the new labels worse than the model before ({said}), so it is not served.", **common
        )
    lost = [old - new for new, old in zip(now, before, strict=True)] if now and before else []
    if lost and np.mean(lost) > max(_TOLERANCE, standard_error(lost)) + _ROUNDING:
        said = f"{mean_now:.3f} against {mean_before:.3f}"
        return Verdict(False, f"It contradicts itself more than the model before ({said}), so it is not served.", **common)
    return Verdict(True, "It explains the new labels and is no less sure of itself on unlabelled images.", **common)


@torch.inference_mode()
def agreements(task: TaskSpec, network: nn.Module, images: Sequence[torch.Tensor]) -> list[float]:
    """How well a network agrees with itself on each of some images when it is changed a little, 0 to 1.

    1 minus the disagreement of a plain and two changed looks, where structures may be.

    Args:
        task: what the network is for.
        network: is left in evaluation mode.
        images: (channels, \\*spatial) each, prepared.
    """
    network.eval()
    window = SlidingWindow(task.patch)
    device = next(network.parameters()).device

    def predict(its: nn.Module, batch: torch.Tensor) -> torch.Tensor:
        if task.kind == "classification":
            return main_logits(its, batch).float().softmax(dim=1)
        return window(its, batch[0])[None].float()

    found = []
    for image in images:
        batch = image[None].to(device)
        statistics = PassStatistics()
        first = plain(network, batch, predict)
        statistics.add(first)
        axes = task.training.flip_axes
        for look in with_augmentation(network, batch, predict, count=_LOOKS, seed=_SEED, flip_axes=axes):
            statistics.add(look)
        disagreement = statistics.disagreement()[0]
        lost = float(disagreement) if task.kind == "classification" else foreground_aware(disagreement, first[0])
        found.append(1 - lost)
    return found
