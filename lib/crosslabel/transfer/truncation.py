"""TruncatedTL: where to cut a pretrained backbone (Peng et al., BMVC 2023)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from crosslabel.networks.backbones import CutBlock


@dataclass(frozen=True)
class CutResult:
    """What a backbone that ends after a layer reaches and costs.

    Attributes:
        cut: the last layer.
        metric: on held-back images, higher is better.
        parameters: of the trunk, without head.
        macs: multiply-accumulate operations for one image.
        latency_ms: of one image, in milliseconds.
        standard_error: of the metric, for the number of held-back images.
    """

    cut: str
    metric: float
    parameters: int
    macs: int
    latency_ms: float
    standard_error: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


class TruncationSearch:
    """Searches in two stages: the ends of the blocks, then layers around the best of them.

    Args:
        blocks: of the backbone, from the image on.
        measure: trains the backbone cut after a layer and scores it on held-back images, never on test images.
        tolerance: how much worse a cut may be than the best one and still win by having fewer parameters; None for one
            standard error of the best one's metric (Breiman et al. 1984, Classification and Regression Trees, 3.4.3).
        most_layers: how many layers the second stage tries at most, evenly spread.
    """

    def __init__(
        self,
        blocks: Sequence[CutBlock],
        measure: Callable[[str], CutResult],
        tolerance: float | None = None,
        most_layers: int = 6,
    ) -> None:
        self.blocks = list(blocks)
        self.measure = measure
        self.tolerance = tolerance
        self.most_layers = most_layers
        self.results: list[CutResult] = []

    def run(self) -> CutResult:
        """Measure the candidates and return the best; all of them are in ``results``, in order of depth."""
        coarse = [self.measure(block.end) for block in self.blocks]
        best = [block.end for block in self.blocks].index(self._best(coarse).cut)
        fine = [self.measure(layer) for layer in self._around(best)]
        order = [layer for block in self.blocks for layer in block.layers]
        self.results = sorted([*coarse, *fine], key=lambda result: order.index(result.cut))
        return self._best(self.results)

    def _best(self, results: Sequence[CutResult]) -> CutResult:
        best = max(results, key=lambda result: result.metric)
        least = best.metric - (best.standard_error if self.tolerance is None else self.tolerance)
        return min((result for result in results if result.metric >= least), key=lambda result: result.parameters)

    def _around(self, best: int) -> list[str]:
        """Layers within the best block and the one behind it, without the ends that were measured."""
        layers = [layer for block in self.blocks[best : best + 2] for layer in block.layers[:-1]]
        if len(layers) <= self.most_layers:
            return layers
        step = (len(layers) - 1) / max(1, self.most_layers - 1)
        return [layers[round(index * step)] for index in range(self.most_layers)]
