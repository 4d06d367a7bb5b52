"""What a multi-style translator is trained for (Yao et al. 2022, section III-A)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from crosslabel.networks import ContentDiscriminator, MultiScaleDiscriminator, MultiStyleTranslator, judged_as
from crosslabel.optimisation import MovingAverage


@dataclass(frozen=True)
class LossWeights:
    """Weights of the six losses of the translator; the defaults are the published ones."""

    reconstruction: float = 10.0
    cycle: float = 10.0
    content: float = 1.0
    style: float = 1.0
    adversarial: float = 1.0
    content_adversarial: float = 1.0


class MultiStyleTraining(nn.Module):
    """A translator with the discriminators that it is trained against, and the average of its weights that is kept.

    One pass gives all losses, those of the translator and of the discriminators, each of which moves its own weights only, so
    that one backward pass and one optimiser train both sides at once.

    Args:
        translator: between domains a (source) and b (target).
        judge_a: of slices of domain a.
        judge_b: of slices of domain b.
        judge_content: of content.
        weights: of the losses.
        decay: of the moving average.
    """

    def __init__(
        self,
        translator: MultiStyleTranslator,
        judge_a: MultiScaleDiscriminator,
        judge_b: MultiScaleDiscriminator,
        judge_content: ContentDiscriminator,
        weights: LossWeights,
        decay: float = 0.999,
    ) -> None:
        super().__init__()
        self.translator = translator
        self.judges = nn.ModuleDict({"a": judge_a, "b": judge_b, "content": judge_content})
        self.average = MovingAverage(translator, decay)
        self.weights = weights

    def forward(self, a: Tensor, b: Tensor) -> dict[str, Tensor]:
        """Losses, weighted, of slices (N, C, H, W) of each domain in [-1, 1]."""
        count, network = len(a), self.translator
        content = network.content(torch.cat((a, b)))
        content_a, content_b = content.split(count)
        style_a, style_b = network.style_a(a), network.style_b(b)
        made = network.decoder(content.repeat(2, 1, 1, 1), torch.cat((style_a, style_b, style_b, style_a)))
        a_again, b_again, ab, ba = made.split(count)
        content_again = network.content(torch.cat((ab, ba)))
        cycled = network.decoder(content_again, torch.cat((style_a, style_b)))
        weights = self.weights
        return {
            "reconstruction": weights.reconstruction * (F.l1_loss(a_again, a) + F.l1_loss(b_again, b)),
            "cycle": weights.cycle * 2 * F.l1_loss(cycled, torch.cat((a, b))),
            "content": weights.content * 2 * F.l1_loss(content_again, content),
            "style": weights.style * (F.l1_loss(network.style_b(ab), style_b) + F.l1_loss(network.style_a(ba), style_a)),
            "adversarial": weights.adversarial * (fooled(self.judges["a"], ba) + fooled(self.judges["b"], ab)),
            # Source content should be taken for target content, and the other way round.
            "content adversarial": weights.content_adversarial
            * (fooled(self.judges["content"], content_b) + fooled(self.judges["content"], content_a, wanted=0.0)),
            "discriminators": caught(self.judges["a"], a, ba)
            + caught(self.judges["b"], b, ab)
            + caught(self.judges["content"], content_a, content_b),
        }


def fooled(judge: nn.Module, made: Tensor, wanted: float = 1.0) -> Tensor:
    """Loss of who made something that a discriminator should take for real; the discriminator's weights are left alone."""
    fixed = {name: parameter.detach() for name, parameter in judge.named_parameters()}
    return judged_as(torch.func.functional_call(judge, fixed, (made,)), wanted)


def caught(judge: nn.Module, real: Tensor, made: Tensor) -> Tensor:
    """Loss of a discriminator that should tell real from made; who made it is left alone."""
    return judged_as(judge(real.detach()), 1.0) + judged_as(judge(made.detach()), 0.0)
