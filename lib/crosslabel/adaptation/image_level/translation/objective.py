"""Training of a translator from random slices of both domains."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from crosslabel.adaptation.image_level.translation.slices import SliceFolder
from crosslabel.optimisation import LoopSettings, Objective

_BETAS = (0.5, 0.9)


class TranslationObjective(Objective):
    """Gives a training network (see :mod:`.losses`) slices of both domains, and keeps the average of its translator.

    There is no metric that says which weights are best without target labels, so the last ones are kept.

    Args:
        source: slices of domain a.
        target: slices of domain b.
        batch_size: slices of each domain.
        size: height and width of the windows that are cut from them.
        seed: of the draws.
        device: where the network is.
    """

    metric = "none"

    def __init__(
        self, source: SliceFolder, target: SliceFolder, batch_size: int, size: tuple[int, int], seed: int, device: torch.device
    ) -> None:
        self.source = source
        self.target = target
        self.batch_size = batch_size
        self.size = size
        self.seed = seed
        self.device = device

    def losses(self, network: nn.Module, epoch: int, draw: int) -> dict[str, torch.Tensor]:
        slices = [
            folder.draw(np.random.default_rng([self.seed, epoch, draw, domain]), self.batch_size, self.size).to(self.device)
            for domain, folder in enumerate((self.source, self.target))
        ]
        return network(*slices)

    def after_step(self, network: nn.Module) -> None:
        network.average.update(network.translator)

    def validate(self, network: nn.Module) -> dict[str, float]:
        return {}

    def kept(self, network: nn.Module) -> nn.Module:
        return network.average.network


def adversarial_optimizer(network: nn.Module, settings: LoopSettings) -> torch.optim.Optimizer:
    """AdamW with betas (.5, .9), where Yao et al. 2022 take AdaBelief; discriminators learn twice as fast, as theirs do."""
    groups = [
        {"params": list(network.translator.parameters()), "lr": settings.learning_rate},
        {"params": list(network.judges.parameters()), "lr": 2 * settings.learning_rate},
    ]
    return torch.optim.AdamW(groups, betas=_BETAS, weight_decay=settings.weight_decay)
