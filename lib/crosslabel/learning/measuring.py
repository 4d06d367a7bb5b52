"""How good a network is on labelled cases, and how good it expects to be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from crosslabel.active.aggregation import expected_dice
from crosslabel.inference import SlidingWindow
from crosslabel.networks.heads import main_logits
from crosslabel.tasks import TaskSpec
from crosslabel.training.prepared_cases import PreparedCases


@dataclass(frozen=True)
class Measured:
    """Results on labelled cases.

    Attributes:
        metric: ``dice`` or ``balanced accuracy``.
        value: mean over the structures or classes of their means over the cases that show them, a structure also over
            those where the network invents it, with Dice 0.
        parts: the value of each structure or class.
        pairs: for each case (what the network expected of itself, what was true): Dice, or the probability of its answer
            and whether it was right.
        by_case: what was true of each case, by its id; a case that shows nothing, and in which nothing is found, is right (1).
        by_part: the same of each structure or class, for the cases that count to it.
    """

    metric: str
    value: float
    parts: dict[str, float]
    pairs: tuple[tuple[float, float], ...]
    by_case: dict[str, float]
    by_part: dict[str, dict[str, float]] = field(default_factory=dict)

    def metrics(self) -> dict[str, float]:
        """The value and those of its parts, by names that say what they are."""
        return {self.metric: self.value, **{f"{self.metric} {name}": value for name, value in self.parts.items()}}


def measure(task: TaskSpec, network: nn.Module, cases: PreparedCases) -> Measured | None:
    """Measure a network, which is left in evaluation mode; None without cases, or where none shows anything."""
    return measure_parted(task, [(network, cases)])


@torch.inference_mode()
def measure_parted(task: TaskSpec, networks: Sequence[tuple[nn.Module, PreparedCases]]) -> Measured | None:
    """The same of several networks, each on cases of its own, as if it were one."""
    parts: dict[str, dict[str, float]] = defaultdict(dict)
    pairs = []
    by_case = {}
    window = SlidingWindow(task.patch)
    for network, cases in networks:
        network.eval()
        device = next(network.parameters()).device
        for index in range(len(cases)):
            case = cases[index]
            if task.kind == "classification":
                found = _class(task, main_logits(network, case.image[None].to(device))[0].softmax(0), int(case.truth))
            else:
                found = _dice(task, window(network, case.image).cpu(), case.truth[0])
            for name, value in found[1].items():
                parts[name][case.id] = value
            by_case[case.id] = float(np.mean(list(found[1].values()) or [1.0]))
            if found[1]:
                pairs.append((found[0], by_case[case.id]))
    if not pairs:
        return None
    means = {name: float(np.mean(list(values.values()))) for name, values in sorted(parts.items())}
    metric = "dice" if task.kind == "segmentation" else "balanced accuracy"
    return Measured(metric, float(np.mean(list(means.values()))), means, tuple(pairs), by_case, dict(parts))


def _class(task: TaskSpec, probabilities: torch.Tensor, truth: int) -> tuple[float, dict[str, float]]:
    right = float(int(probabilities.argmax()) == truth)
    return float(probabilities.max()), {task.classes[truth]: right}


def _dice(task: TaskSpec, probabilities: torch.Tensor, truth: torch.Tensor) -> tuple[float, dict[str, float]]:
    decided = probabilities.argmax(dim=0)
    found = {}
    for index, name in enumerate(task.output_names[1:], start=1):
        ours, theirs = decided == index, truth == index
        if ours.any() or theirs.any():
            found[name] = float(2 * (ours & theirs).sum() / (ours.sum() + theirs.sum()))
    return expected_dice(probabilities), found
