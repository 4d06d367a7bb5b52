"""Features before the head of any classifier."""

from __future__ import annotations

from torch import Tensor, nn

from crosslabel.errors import TaskError
from crosslabel.networks.backbone_classifier import BackboneClassifier
from crosslabel.networks.heads import main_logits


def head_name(network: nn.Module) -> str:
    """Name of the module that makes logits of features: ``head``, or the last linear layer.

    Raises:
        TaskError: the network has no linear layer at its end.
    """
    if isinstance(network, BackboneClassifier):
        return "head"
    linear = [name for name, module in network.named_modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise TaskError(f"{type(network).__name__} has no linear head; choose a network for classification, as resnet18.")
    return linear[-1]


def logits_and_features(network: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (batch, classes) and the features (batch, features) that its head made them of; the logits where it has none."""
    seen: list[Tensor] = []
    if not isinstance(network, BackboneClassifier) and not any(isinstance(part, nn.Linear) for part in network.modules()):
        logits = main_logits(network, images)
        return logits, logits
    handle = network.get_submodule(head_name(network)).register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    try:
        logits = main_logits(network, images)
    finally:
        handle.remove()
    return logits, seen[-1].flatten(1)
