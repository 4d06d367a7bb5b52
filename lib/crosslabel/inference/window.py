"""A network walked over an image that is larger than what it sees at once."""

from __future__ import annotations

import torch
from monai.inferers import sliding_window_inference
from torch import nn

from crosslabel.networks.heads import main_logits


class SlidingWindow:
    """Class probabilities of a prepared image, blended from overlapping patches with Gaussian weights.

    Args:
        patch: size of a window in voxels.
        overlap: share of a window that its neighbour covers again.
        batch_size: windows per forward pass.
    """

    def __init__(self, patch: tuple[int, ...], overlap: float = 0.25, batch_size: int = 2) -> None:
        self.patch = patch
        self.overlap = overlap
        self.batch_size = batch_size

    @torch.inference_mode()
    def __call__(self, network: nn.Module, tensor: torch.Tensor) -> torch.Tensor:
        """(channels, \\*spatial) -> probabilities (outputs, \\*spatial), on the network's device."""
        device = next(network.parameters()).device
        logits = sliding_window_inference(
            tensor[None].to(device),
            roi_size=self.patch,
            sw_batch_size=self.batch_size,
            predictor=lambda windows: main_logits(network, windows),
            overlap=self.overlap,
            mode="gaussian",
            # A constant border far from the image's own values would look like a structure; its edge does not.
            padding_mode="replicate",
        )
        return logits[0].softmax(dim=0)
