"""Whether a map shows what the network goes by: take away, or show, what it marks first (Petsiuk et al., BMVC 2018)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from crosslabel.networks.heads import main_logits

_STEPS = 16


@dataclass(frozen=True)
class Faithfulness:
    """Areas under the curves of the class's probability, 0 to 1.

    Attributes:
        deletion: while the most marked voxels are replaced by the image's mean; low for a faithful map.
        insertion: while the most marked voxels are put into an image without detail; high for a faithful map.
        deletion_curve, insertion_curve: the probabilities, from no voxel to all.
    """

    deletion: float
    insertion: float
    deletion_curve: tuple[float, ...]
    insertion_curve: tuple[float, ...]


@torch.inference_mode()
def faithfulness(network: nn.Module, image: Tensor, target: int, attribution: Tensor, steps: int = _STEPS) -> Faithfulness:
    """Score a map.

    Args:
        network: in evaluation mode.
        image: (1, channels, \\*spatial), on its device.
        target: class index that the map explains.
        attribution: (\\*spatial).
        steps: how many equal shares of the voxels are replaced one after another.
    """
    blurred = _blurred(image)
    mean = image.flatten(2).mean(dim=2).reshape(*image.shape[:2], *[1] * attribution.ndim)
    order = attribution.flatten().argsort(descending=True)
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order), device=order.device)
    rank = rank.reshape(attribution.shape).to(image.device)
    shares = torch.linspace(0, 1, steps + 1)
    deletion, insertion = [], []
    for share in shares.tolist():
        marked = rank < round(share * rank.numel())
        images = torch.cat([torch.where(marked, mean, image), torch.where(marked, image, blurred)])
        probabilities = main_logits(network, images).softmax(dim=1)[:, target].tolist()
        deletion.append(probabilities[0])
        insertion.append(probabilities[1])
    return Faithfulness(_area(deletion), _area(insertion), tuple(deletion), tuple(insertion))


def _blurred(image: Tensor) -> Tensor:
    """Without detail: averaged over a quarter of each axis, and interpolated again."""
    spatial = image.shape[2:]
    pool, mode = (F.adaptive_avg_pool3d, "trilinear") if image.ndim == 5 else (F.adaptive_avg_pool2d, "bilinear")
    return F.interpolate(pool(image, _quarters(spatial)), spatial, mode=mode, align_corners=False)


def _quarters(spatial: torch.Size) -> list[int]:
    return [min(4, size) for size in spatial]


def _area(values: list[float]) -> float:
    return float(torch.trapezoid(torch.tensor(values)) / (len(values) - 1))
