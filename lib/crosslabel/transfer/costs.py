"""What a network costs: parameters, multiply-accumulate operations, time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import torch
from torch import Tensor, nn

from crosslabel.networks import BackboneClassifier

_REPETITIONS = 5


@dataclass(frozen=True)
class Costs:
    """Costs of one image.

    Attributes:
        parameters: of the whole network.
        backbone_parameters: of the trunk alone, without attention and head, as publications count.
        macs: multiply-accumulate operations of convolutions and linear layers.
        latency_ms: median of some runs on the network's device, in milliseconds.
    """

    parameters: int
    backbone_parameters: int
    macs: int
    latency_ms: float


def costs_of(network: nn.Module, shape: Sequence[int]) -> Costs:
    """Measure a network on one image of (channels, \\*spatial)."""
    first = next(network.parameters())
    image = torch.zeros(1, *shape, device=first.device, dtype=first.dtype)
    training = network.training
    network.eval()
    with torch.inference_mode():
        macs = _macs(network, image)
        latency = median(_seconds(network, image) for _ in range(_REPETITIONS)) * 1000
    network.train(training)
    backbone = network.trunk if isinstance(network, BackboneClassifier) else network
    return Costs(_count(network), _count(backbone), macs, latency)


def _count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def _macs(network: nn.Module, image: Tensor) -> int:
    total = 0

    def add(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        # Each output value of a convolution or a linear layer takes as many products as one row of its weights has.
        total += output.numel() * module.weight[0].numel()

    kinds = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
    handles = [module.register_forward_hook(add) for module in network.modules() if isinstance(module, kinds)]
    try:
        network(image)
    finally:
        for handle in handles:
            handle.remove()
    return total


def _seconds(network: nn.Module, image: Tensor) -> float:
    started = time.perf_counter()
    network(image)
    if image.device.type == "cuda":
        torch.cuda.synchronize(image.device)
    return time.perf_counter() - started
