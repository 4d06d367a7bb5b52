"""Sizes of translators and lengths of their training."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, get_type_hints

import torch
from torch import nn

from crosslabel.adaptation.image_level.translation.cycle_losses import CycleTraining
from crosslabel.adaptation.image_level.translation.losses import LossWeights, MultiStyleTraining
from crosslabel.errors import TaskError
from crosslabel.networks import ContentDiscriminator, CycleGAN, MultiScaleDiscriminator, MultiStyleTranslator
from crosslabel.optimisation import LoopSettings

# By the type of a field: the types that a task file may give, and what to say of others.
_VALUES: dict[type, tuple[tuple[type, ...], str]] = {
    bool: ((bool,), "true or false"),
    int: ((int,), "a whole number above 0"),
    float: ((int, float), "a number above 0"),
}


@dataclass(frozen=True)
class TranslationSettings:
    """Of a translator and its training.

    Attributes:
        width: channels of the first layers of translator and discriminators.
        blocks: residual blocks of an encoder, decoder or generator.
        content_steps: how often a content encoder halves the size.
        style_steps: how often a style encoder halves the size.
        style_norm: whether style encoders normalise slices, as the published ones do.
        judge_steps: how often a discriminator halves the size, at each scale.
        judge_scales: scales of the discriminators; CycleGAN has one.
        window: greatest height and width of what is cut from slices for training.
        batch_size: slices of each domain in a step.
        epochs: of ``steps_per_epoch`` steps each.
        steps_per_epoch: steps of the optimiser.
        learning_rate: of the translator; discriminators learn twice as fast.
        clusters: styles of the target domain.
        cache_gib: disk that restyled volumes may take.
    """

    width: int = 32
    blocks: int = 4
    content_steps: int = 2
    style_steps: int = 5
    style_norm: bool = True
    judge_steps: int = 5
    judge_scales: int = 3
    window: int = 256
    batch_size: int = 4
    epochs: int = 200
    steps_per_epoch: int = 250
    learning_rate: float = 1e-4
    clusters: int = 6
    cache_gib: float = 20.0

    @classmethod
    def of(cls, device: torch.device, changes: dict[str, Any]) -> TranslationSettings:
        """The published size on a GPU, one that is trained in minutes elsewhere; with changes of its fields.

        Raises:
            TaskError: a value of another type than its field's, or a number that is not positive.
        """
        kinds = get_type_hints(cls)
        for name, value in changes.items():
            allowed, wanted = _VALUES[kinds[name]]
            if type(value) not in allowed or (kinds[name] is not bool and not 0 < value < math.inf):
                raise TaskError(f"The setting {name} of translation is {value!r}; give {wanted}.")
        return replace(cls() if device.type == "cuda" else NARROW, **changes)

    def loop(self, seed: int) -> LoopSettings:
        """For the training loop."""
        return LoopSettings(
            epochs=self.epochs,
            steps_per_epoch=self.steps_per_epoch,
            learning_rate=self.learning_rate,
            weight_decay=0.0,
            validate_every=self.epochs,
            mixed_precision=True,
            seed=seed,
        )

    def multi_style(self, channels: int) -> nn.Module:
        """A multi-style translator with its discriminators (Yao et al. 2022)."""
        return MultiStyleTraining(
            MultiStyleTranslator(
                channels, self.width, self.blocks, self.style_steps, self.content_steps, style_norm=self.style_norm
            ),
            self._judge(channels, self.judge_scales),
            self._judge(channels, self.judge_scales),
            ContentDiscriminator(self.width * 2**self.content_steps),
            LossWeights(),
        )

    def cycle(self, channels: int) -> nn.Module:
        """A CycleGAN with its discriminators (Zhu et al. 2017)."""
        translator = CycleGAN(channels, self.width, self.blocks)
        return CycleTraining(translator, self._judge(channels, 1), self._judge(channels, 1))

    def _judge(self, channels: int, scales: int) -> MultiScaleDiscriminator:
        return MultiScaleDiscriminator(channels, self.width, self.judge_steps, scales)


NARROW = TranslationSettings(
    width=8,
    blocks=2,
    content_steps=1,
    style_steps=3,
    style_norm=False,
    judge_steps=3,
    judge_scales=2,
    window=64,
    batch_size=2,
    epochs=20,
    steps_per_epoch=40,
    learning_rate=1e-3,
)
