"""Statistics of batch norms estimated on target images (AdaBN).

Li et al. 2018, "Adaptive Batch Normalization for practical domain adaptation", Pattern Recognition.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


@torch.no_grad()
def estimate_norm_statistics(network: nn.Module, batches: Iterable[torch.Tensor]) -> None:
    """Replace running means and variances by those over some batches (N, channels, \\*spatial); weights stay.

    A network without batch norm (instance and group norm keep no statistics) is left as it is, and no batch is drawn.
    """
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm) and module.track_running_stats]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    was_training = network.training
    network.eval()
    for norm in norms:
        norm.reset_running_stats()
        # None averages over all batches with equal weight.
        norm.momentum = None
        norm.train()
    device = next(network.parameters()).device
    for batch in batches:
        network(batch.to(device))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.train(was_training)
