"""Settings of classification tasks: transfer, imbalance, augmentation and trust."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from crosslabel.tasks.settings import Block


class FullPolicy(Block):
    """Fine-tune all layers."""

    name: Literal["full"] = "full"


class HeadPolicy(Block):
    """Train the head alone; the backbone stays as it was pretrained."""

    name: Literal["head"]


class LastBlocksPolicy(Block):
    """Train the head and the last ``blocks`` blocks."""

    name: Literal["last_blocks"]
    blocks: int = Field(1, ge=1)


class GradualPolicy(Block):
    """Train the head first and one more block every ``epochs_per_block`` epochs (Howard & Ruder, ACL 2018)."""

    name: Literal["gradual"]
    epochs_per_block: int = Field(2, ge=1)


class DiscriminativePolicy(Block):
    """Train all, each block with ``decay`` times the learning rate of the one behind it (Howard & Ruder, ACL 2018)."""

    name: Literal["discriminative"]
    decay: float = Field(0.5, ge=0.35, le=1)


class TruncatedPolicy(Block):
    """Search where to cut the backbone, keep and train what lies before (TruncatedTL: Peng et al., BMVC 2023).

    Every candidate is trained for ``search_epochs``; a shallower cut wins where it is at most ``tolerance`` worse, or, where
    that is left out, at most one standard error of the best one's metric.
    """

    name: Literal["truncated"]
    search_epochs: int = Field(5, ge=1)
    tolerance: float | None = Field(None, ge=0, lt=1)


class FeaturesPolicy(Block):
    """A classical classifier on the features of the unchanged backbone (Deepak & Ameer, 2019)."""

    name: Literal["features"]
    classifier: Literal["logistic", "svm", "knn"] = "svm"


TransferPolicy = Annotated[
    FullPolicy | HeadPolicy | LastBlocksPolicy | GradualPolicy | DiscriminativePolicy | TruncatedPolicy | FeaturesPolicy,
    Field(discriminator="name"),
]


class TransferSpec(Block):
    """Where the first weights come from, and which of them are trained.

    ``weights`` names weights of torchvision (``IMAGENET1K_V1``, ``DEFAULT``): looked up in its cache and downloaded if they
    are not there, so it is off unless asked for.
    """

    weights: str | None = None
    policy: TransferPolicy = FullPolicy()

    @field_validator("policy", mode="before")
    @classmethod
    def _by_name(cls, policy: Any) -> Any:
        return {"name": policy} if isinstance(policy, str) else policy


class BalanceSpec(Block):
    """What is done about classes of unequal size and few images.

    ``sampling``: ``balanced`` draws every class equally often, ``effective`` weighs images by the inverse effective
    number of their class (Cui et al., CVPR 2019), which lies between that and ``natural``, as they are. ``loss``: ``focal``
    (Lin et al., ICCV 2017), ``weighted`` by how often a class is drawn, inversely: it is of use with ``natural``. ``costs`` of
    calling class A (outer name) class B (inner name); those left out cost 1, and an answer is the class of least expected
    cost.
    """

    sampling: Literal["balanced", "effective", "natural"] = "balanced"
    effective_beta: float = Field(0.99, gt=0, lt=1)
    loss: Literal["cross_entropy", "weighted", "focal"] = "cross_entropy"
    focal_gamma: float = Field(2.0, ge=0)
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    costs: dict[str, dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]]] = Field(default_factory=dict)

    @field_validator("costs")
    @classmethod
    def _of_mistakes(cls, costs: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
        for name, called in costs.items():
            if called.get(name):
                raise ValueError(f"calling {name} {name} is no mistake and costs nothing; write 0, or leave it out")
        return costs


class AugmentationSpec(Block):
    """How training images are changed; each family from 0 (off) to 1 (as strong as it gets).

    ``mixup`` and ``cutmix`` are the parameter alpha of their Beta distribution, 0 for off.
    """

    basic: float = Field(1.0, ge=0, le=1)
    elastic: float = Field(0.0, ge=0, le=1)
    bspline: float = Field(0.0, ge=0, le=1)
    mr_artefacts: float = Field(0.0, ge=0, le=1)
    ct_artefacts: float = Field(0.0, ge=0, le=1)
    mixup: float = Field(0.0, ge=0, le=8)
    cutmix: float = Field(0.0, ge=0, le=8)

    @model_validator(mode="after")
    def _one_mix(self) -> AugmentationSpec:
        if self.mixup and self.cutmix:
            raise ValueError("mixup and cutmix exclude one another; set one of them to 0")
        return self


class TrustSpec(Block):
    """When an answer can be trusted.

    ``in_distribution_share``: share of held-back images that the threshold of the out-of-distribution score lets pass.
    ``views``: how many changed versions of an image are predicted for its uncertainty; 0 for none.
    """

    in_distribution_share: float = Field(0.95, gt=0.5, le=1)
    views: int = Field(2, ge=0, le=64)
