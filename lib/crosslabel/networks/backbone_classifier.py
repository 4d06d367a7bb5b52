"""A classifier on a pretrained backbone: trunk, global average pooling, head; volumes slice by slice."""

from __future__ import annotations

from torch import Tensor, nn

from crosslabel.errors import TaskError
from crosslabel.networks.backbones import build_trunk, feature_count
from crosslabel.networks.example_heads import HEADS
from crosslabel.networks.slice_attention import GatedAttention


class BackboneClassifier(nn.Module):
    """Class logits from a torchvision backbone, cut where asked.

    Pictures go through trunk, average over all positions and head. Volumes go through the same trunk slice by slice, and
    their slices are pooled with gated attention, whose weights say which slices mattered.

    Args:
        architecture: torchvision's name, such as ``densenet121``.
        spatial_dims: 2, or 3 for volumes seen slice by slice.
        in_channels: channels of the image.
        num_classes: length of the logits.
        cut: last layer of the trunk; the whole trunk if ``None``.
        head: ``linear``, or ``svm`` or ``knn``, which are fitted and not trained.
        slice_axis: spatial axis along which a volume is taken apart; counted as in the task's ``orientation``.
        dropout: share of the features that training drops before the head.

    Raises:
        TaskError: an unknown backbone, cut, head or axis.
    """

    def __init__(
        self,
        architecture: str,
        spatial_dims: int,
        in_channels: int,
        num_classes: int,
        cut: str | None = None,
        head: str = "linear",
        slice_axis: int = 2,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if head not in HEADS:
            raise TaskError(f"There is no head '{head}'; choose one of {', '.join(HEADS)}.")
        if slice_axis not in range(3):
            raise TaskError(f"slice_axis: axes are numbered 0 to 2, not {slice_axis}.")
        self.trunk = build_trunk(architecture, in_channels, cut)
        self.spatial_dims = spatial_dims
        self.slice_axis = slice_axis
        features = feature_count(self.trunk)
        self.attention = GatedAttention(features) if spatial_dims == 3 else None
        self.dropout = nn.Dropout(dropout)
        self.head = HEADS[head](features, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """(batch, channels, \\*spatial) -> logits (batch, classes)."""
        return self.head(self.dropout(self.features(images)))

    def features(self, images: Tensor) -> Tensor:
        """(batch, channels, \\*spatial) -> (batch, features), what the head sees."""
        return self.features_and_weights(images)[0]

    def features_and_weights(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Features, and for volumes the weight of each slice (batch, slices)."""
        if self.attention is None:
            return self.trunk(images).mean(dim=(2, 3)), None
        slices = images.movedim(2 + self.slice_axis, 1)
        pooled = self.trunk(slices.flatten(0, 1)).mean(dim=(2, 3))
        return self.attention(pooled.unflatten(0, slices.shape[:2]))
