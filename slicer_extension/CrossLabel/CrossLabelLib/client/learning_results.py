"""What a server answers about learning and adaptation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Curve = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Progress:
    """How far a training is; seconds are None where nobody knows."""

    state: str
    epoch: int = 0
    epochs: int = 0
    elapsed_seconds: float | None = None
    eta_seconds: float | None = None
    best_metric: float | None = None
    message: str = ""

    @property
    def fraction(self) -> float:
        return min(1.0, self.epoch / self.epochs) if self.epochs else 0.0


@dataclass(frozen=True)
class Curves:
    """(epoch, value) pairs by the name of a loss or a metric."""

    losses: Mapping[str, Curve] = field(default_factory=dict)
    metrics: Mapping[str, Curve] = field(default_factory=dict)


@dataclass(frozen=True)
class Version:
    """Weights that were published.

    Attributes:
        metric, value, metric_on: how good it is, such as dice, 0.87, held-back labels.
        labels: it was trained on.
        active: it predicts now.
        promoted: it was better than the one before; ``reason`` says so or why not.
    """

    number: int
    name: str
    published: str = ""
    metric: str = ""
    value: float | None = None
    metric_on: str = ""
    labels: int | None = None
    active: bool = False
    promoted: bool | None = None
    reason: str = ""


@dataclass(frozen=True)
class Estimate:
    """Expected Dice score with its interval; ``on`` says for what."""

    dice: float
    low: float
    high: float
    on: str


@dataclass(frozen=True)
class LabelCounts:
    """How many labels there are; ``pool`` images wait for one."""

    final: int = 0
    held_back: int = 0
    since_last_training: int = 0
    pool: int = 0


@dataclass(frozen=True)
class LearningState:
    """Where the learning loop of a task stands.

    Attributes:
        switch: ``on``, ``paused`` or ``off``.
        state: ``idle``, ``waiting``, ``scoring``, ``training``, ``stopping`` or ``failed``.
        strategies: (name, title) of those that choose the next case.
    """

    switch: str
    state: str
    progress: Progress | None = None
    curves: Curves = field(default_factory=Curves)
    labels: LabelCounts = field(default_factory=LabelCounts)
    versions: tuple[Version, ...] = ()
    estimate: Estimate | None = None
    advice: str = ""
    message: str = ""
    strategies: tuple[tuple[str, str], ...] = ()

    @property
    def running(self) -> bool:
        return self.state in ("scoring", "training", "stopping")


@dataclass(frozen=True)
class Source:
    """Labelled images that the server offers to learn from; ``problem`` says why they cannot be used."""

    name: str
    images: int
    modality: str = ""
    sequence: str = ""
    problem: str = ""


@dataclass(frozen=True)
class AdaptationRun:
    """An adaptation that runs or ran; ``report`` says that there is one to read."""

    name: str
    state: str
    method: str = ""
    source: str = ""
    progress: Progress | None = None
    curves: Curves = field(default_factory=Curves)
    report: bool = False
    message: str = ""


@dataclass(frozen=True)
class AdaptationState:
    """What can be adapted from, how ((name, title) pairs), and the last run."""

    sources: tuple[Source, ...]
    methods: tuple[tuple[str, str], ...]
    run: AdaptationRun | None = None
