"""Where the images come from that a classifier is trained for."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from torch import Tensor, nn

from crosslabel.training.prepared_cases import PreparedCase, PreparedCases


class ImageDomain(Protocol):
    """What a classifier is told of the images that it will see.

    Attributes:
        images: some of them, without classes; ``None`` where the training images are all there is.
    """

    images: PreparedCases | None

    def look(self, case: PreparedCase, epoch: int, rng: np.random.Generator) -> Tensor:
        """A training image as it should look in an epoch: (channels, \\*spatial) -> the same shape."""
        ...

    def placed(self, case: PreparedCase) -> Tensor:
        """A labelled image as it would look in the domain, with nothing drawn: to validate and calibrate with."""
        ...

    def settle(self, network: nn.Module) -> None:
        """Make a trained network at home in the domain, in place: once, after it was calibrated, where there are images."""
        ...


class SameDomain:
    """The classifier will see images like those that it learns from."""

    images: PreparedCases | None = None

    def look(self, case: PreparedCase, epoch: int, rng: np.random.Generator) -> Tensor:
        return case.image

    def placed(self, case: PreparedCase) -> Tensor:
        return case.image

    def settle(self, network: nn.Module) -> None:
        return
