"""Quad attention: features gated by what stands out along each of their four axes.

Yao et al. 2022, "A Novel 3D Unsupervised Domain Adaptation Framework for Cross-Modality Medical Image
Segmentation", IEEE Journal of Biomedical and Health Informatics.
"""

from __future__ import annotations

from torch import Tensor, nn

from crosslabel.networks.axis_gating import AxisPooling, MeanGating, SameConvolution

# How the axes that are left after pooling over one are ordered for the convolution, by the pooled axis, with
# N and the two pooled channels in front: (D, H, W), (C, H, W), (D, C, W), (D, H, C). The published weights
# expect the channel axis where the pooled axis was. The pooled maps are a small part of the features, so that
# moving their axes costs little.
_ORDER_FOR_CONVOLUTION = {
    1: (0, 1, 2, 3, 4),
    2: (0, 1, 2, 3, 4),
    3: (0, 1, 3, 2, 4),
    4: (0, 1, 3, 4, 2),
}


class AxisGate(nn.Module):
    """The gate of one axis: sigmoid(BN(conv(pooled maps))), with a 7x7x7 convolution from 2 channels to 1.

    Args:
        axis: the axis of the features, (N, C, D, H, W), that was pooled over: 1 to 4.
    """

    def __init__(self, axis: int) -> None:
        super().__init__()
        self.axis = axis
        self.convolution = nn.Conv3d(2, 1, kernel_size=7, padding=3, bias=False)
        self.norm = nn.BatchNorm3d(1, momentum=0.01)

    def forward(self, pooled: Tensor) -> Tensor:
        """From the pooled maps, (N, 2, remaining axes), to a gate that has size 1 along ``axis`` only."""
        order = _ORDER_FOR_CONVOLUTION[self.axis]
        inverse = [order.index(axis) for axis in range(len(order))]
        # The convolution module only holds the weight: its gradient is computed faster by SameConvolution.
        response = SameConvolution.apply(pooled.permute(order).contiguous(), self.convolution.weight)
        gate = self.norm(response).sigmoid().permute(inverse)
        return gate.squeeze(1).unsqueeze(self.axis)


class QuadAttention(nn.Module):
    """Gate 3-D features by the mean of four attention maps, one for each of channel, depth, height and width.

    For each axis d, with pool_d the maximum and the mean over d as two channels,

        y = x * 1/4 * sum over d of sigmoid(BN_d(conv_d(pool_d(x)))),

    each map being broadcast along its own axis d. The features themselves are never transposed or copied.

    Shapes: (N, C, D, H, W) to the same; any number of channels, any size.
    """

    def __init__(self) -> None:
        super().__init__()
        self.gates = nn.ModuleList(AxisGate(axis) for axis in (1, 2, 3, 4))

    def forward(self, x: Tensor) -> Tensor:
        features, *pooled = AxisPooling.apply(x)
        gates = [gate(maps).to(x.dtype) for gate, maps in zip(self.gates, pooled, strict=True)]
        return MeanGating.apply(features, *gates)
