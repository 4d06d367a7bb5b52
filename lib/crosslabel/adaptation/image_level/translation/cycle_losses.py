"""What a CycleGAN is trained for (Zhu et al. 2017, section 3)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from crosslabel.adaptation.image_level.translation.losses import caught, fooled
from crosslabel.networks import CycleGAN, MultiScaleDiscriminator
from crosslabel.optimisation import MovingAverage

_CYCLE = 10.0
_IDENTITY = 5.0


class CycleTraining(nn.Module):
    """A CycleGAN with its discriminators, and the average of its weights that is kept.

    Args:
        translator: between domains a (source) and b (target).
        judge_a: of slices of domain a.
        judge_b: of slices of domain b.
        decay: of the moving average.
    """

    def __init__(
        self, translator: CycleGAN, judge_a: MultiScaleDiscriminator, judge_b: MultiScaleDiscriminator, decay: float = 0.999
    ) -> None:
        super().__init__()
        self.translator = translator
        self.judges = nn.ModuleDict({"a": judge_a, "b": judge_b})
        self.average = MovingAverage(translator, decay)

    def forward(self, a: Tensor, b: Tensor) -> dict[str, Tensor]:
        """Losses, weighted, of slices (N, C, H, W) of each domain in [-1, 1]."""
        to_a, to_b = self.translator.to_a, self.translator.to_b
        ab, ba = to_b(a), to_a(b)
        return {
            "cycle": _CYCLE * (F.l1_loss(to_a(ab), a) + F.l1_loss(to_b(ba), b)),
            "identity": _IDENTITY * (F.l1_loss(to_a(a), a) + F.l1_loss(to_b(b), b)),
            "adversarial": fooled(self.judges["a"], ba) + fooled(self.judges["b"], ab),
            "discriminators": caught(self.judges["a"], a, ba) + caught(self.judges["b"], b, ab),
        }
