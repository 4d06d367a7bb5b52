"""The small blocks a task file is made of: labels, domains, intensity rules, network and training settings."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from crosslabel.images import Modality

_COLOR = re.compile(r"^#[0-9a-fA-F]{6}$")
# A name becomes part of file names and URLs, so it may hold nothing that either would interpret.
NAME_PATTERN = r"^[a-z0-9][a-z0-9_]{0,62}$"


class Block(BaseModel):
    """Base of every block of a task file: unknown keys are refused, values cannot change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LabelSpec(Block):
    """One structure of a segmentation task: its name, the value of its voxels (1 to 65535) and its colour.

    ``single``: there is one piece of it, as of a liver, so that whatever lies apart from the largest piece is a mistake.
    ``looks``: whether it is ``brighter`` or ``darker`` than what surrounds it, by name of the domains where that is known.
    """

    name: str = Field(min_length=1)
    value: int = Field(ge=1, le=65535)
    color: str
    single: bool = False
    looks: dict[str, Literal["brighter", "darker"]] = Field(default_factory=dict)

    @field_validator("color")
    @classmethod
    def _is_hex(cls, color: str) -> str:
        if not _COLOR.match(color):
            raise ValueError("a colour is written as '#rrggbb', for example '#dd8265'")
        return color


class WindowRule(Block):
    """Clip to a fixed window (CT: Hounsfield units) and scale it to [-1, 1]."""

    rule: Literal["window"]
    lower: float
    upper: float

    @model_validator(mode="after")
    def _ordered(self) -> WindowRule:
        if self.lower >= self.upper:
            raise ValueError("'lower' must be below 'upper'")
        return self


class PercentileRule(Block):
    """Clip to two percentiles of the volume and scale them to [-1, 1]."""

    rule: Literal["percentile"]
    lower: float = Field(0.5, ge=0, lt=100)
    upper: float = Field(99.5, gt=0, le=100)

    @model_validator(mode="after")
    def _ordered(self) -> PercentileRule:
        if self.lower >= self.upper:
            raise ValueError("'lower' must be below 'upper'")
        return self


class ZScoreRule(Block):
    """Zero mean and unit variance; with ``nonzero``, statistics over voxels that are not zero, which stay zero.

    A darkest value that fills a tenth of an image or more counts as zero.
    """

    rule: Literal["zscore"]
    nonzero: bool = False


IntensityRule = Annotated[WindowRule | PercentileRule | ZScoreRule, Field(discriminator="rule")]


class DomainSpec(Block):
    """Images that look alike: a modality, for MR its sequence, the number of channels and how intensities are scaled."""

    name: str = Field(pattern=NAME_PATTERN)
    modality: Modality
    sequence: str | None = None
    channels: int = Field(1, ge=1, le=16)
    intensity: IntensityRule

    @field_validator("modality", mode="before")
    @classmethod
    def _known(cls, modality: Any) -> Modality:
        return Modality.parse(modality)

    @property
    def spoken(self) -> str:
        """As in ``MR FLAIR``."""
        return self.modality.value if self.sequence is None else f"{self.modality.value} {self.sequence}"

    def accepts(self, modality: Modality, sequence: str | None) -> bool:
        """Whether an image of this modality and sequence belongs here; an unstated sequence fits any."""
        if modality is not self.modality:
            return False
        if sequence is None or self.sequence is None:
            return True
        return _plain(sequence) == _plain(self.sequence)


class DomainsSpec(Block):
    """The target domain, which the task is for, and the source domains, whose labels it may learn from."""

    target: DomainSpec
    sources: tuple[DomainSpec, ...] = ()

    @property
    def all(self) -> tuple[DomainSpec, ...]:
        return (self.target, *self.sources)

    @model_validator(mode="after")
    def _consistent(self) -> DomainsSpec:
        names = [domain.name for domain in self.all]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two domains are called '{name}'; give each its own name")
        if len({domain.channels for domain in self.all}) > 1:
            raise ValueError("all domains of a task need the same number of channels")
        return self


class NetworkSpec(Block):
    """A network by name, ``dar_unet`` or one of ``monai.networks.nets``, with its constructor's arguments.

    With ``input: mind`` it sees MIND descriptors of the image, which depend on structure and hardly on modality, in place of
    grey values.
    """

    name: str = Field(min_length=1)
    arguments: dict[str, Any] = Field(default_factory=dict)
    input: Literal["image", "mind"] = "image"


class TrainingSpec(Block):
    """Settings of the training loop.

    An epoch is ``steps_per_epoch`` optimiser steps of ``accumulate`` batches of ``batch_size`` patches (segmentation) or
    images (classification).
    """

    epochs: int = Field(60, ge=1)
    steps_per_epoch: int = Field(50, ge=1)
    batch_size: int = Field(2, ge=1)
    learning_rate: float = Field(1e-3, gt=0)
    weight_decay: float = Field(1e-4, ge=0)
    foreground_share: float = Field(0.67, ge=0, le=1, description="share of patches centred on a labelled voxel")
    flip_axes: tuple[int, ...] = Field((), description="spatial axes along which training images may be flipped")
    validation_share: float = Field(0.2, ge=0, lt=1)
    validate_every: int = Field(5, ge=1, description="epochs between two validations")
    mixed_precision: bool | Literal["bf16", "fp16"] = Field(True, description="on a GPU; true: bf16 where it has it")
    split_by: Literal["patient", "image"] = Field("patient", description="image: refused where patients are known")
    seed: int = Field(0, ge=0, le=2**32 - 1)
    optimizer: Literal["adamw", "adabelief"] = "adamw"
    accumulate: int = Field(1, ge=1, description="batches whose gradients make one step; processes share them")
    schedule: Literal["cosine", "constant"] = "cosine"
    early_stop: int | None = Field(None, ge=1, description="validations without a better metric that end the training")
    focal_gamma: float = Field(2.0, ge=0, description="of a segmentation's focal loss; 0 makes it cross-entropy")
    head_weights: tuple[Annotated[float, Field(ge=0)], ...] = Field(
        (), description="weight of the loss of each head, the main one first; equal if empty"
    )


class AdaptationSpec(Block):
    """How labels of the source domains teach the target domain; see docs/adaptation.md."""

    method: str = Field("full", description="name of a method of 'crosslabel adapt'")
    image_level: dict[str, Any] = Field(default_factory=dict, description="settings of translators, see docs/adaptation.md")
    teacher_decay: float = Field(0.99, ge=0, lt=1, description="of the moving average of the weights, per step")
    warm_up: float = Field(0.3, ge=0, le=1, description="share of the epochs before the first pseudo-labels")
    rounds: int = Field(4, ge=1, description="times that pseudo-labels are made, evenly spread over the rest")
    confidence: float = Field(0.7, ge=0, le=1, description="least probability of a structure's pseudo-label")
    background_confidence: float = Field(0.9, ge=0, le=1, description="least probability of the background's pseudo-label")
    least_kept: float = Field(0.25, ge=0, le=1, description="share of each label's voxels that are sure enough in any case")
    agreement: float = Field(0.75, ge=0, le=1, description="least share of views that have to say the same")
    least_images: int = Field(4, ge=1, description="target images, labelled or not, below which there are no pseudo-labels")
    appearance: bool = Field(False, description="whether an image's own grey values move the borders of its pseudo-labels")


StrategyName = Literal[
    "default",
    "random",
    "foreground_random",
    "first",
    "entropy",
    "margin",
    "bald",
    "power_bald",
    "disagreement",
    "committee",
    "core_set",
    "badge",
    "typiclust",
    "clasp_pe",
    "domain_gap",
]
_SEVERAL_LOOKS = ("bald", "power_bald", "disagreement", "committee")
_ONE_LOOK = tuple(name for name in get_args(StrategyName) if name not in ("first", *_SEVERAL_LOOKS))


class ActiveLearningSpec(Block):
    """How the next case is picked from the images without a final label, and when the model learns from new ones."""

    strategy: StrategyName = "default"
    offered: tuple[StrategyName, ...] = Field(_ONE_LOOK, description="strategies whose order is kept up to date")
    looks: int = Field(4, ge=2, le=64, description="looks of the network for scores that need several")
    new_labels: int = Field(5, ge=1, description="so many new labels begin a round of training")
    quiet_seconds: float = Field(30, ge=0, description="and so long nobody has saved another")
    round_epochs: int = Field(10, ge=1, description="epochs of a round that goes on from an earlier version")
    new_share: float = Field(0.5, gt=0, le=1, description="least share of new labels among what a round draws")
    switch: Literal["on", "paused", "off"] = Field("on", description="until somebody moves the task's switch")


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())
