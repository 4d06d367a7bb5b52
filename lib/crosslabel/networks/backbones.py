"""Convolutional backbones of torchvision as trunks that end after any block or layer.

A trunk keeps the names of torchvision's own layers, so that a file of its weights loads by name: what ``torchvision`` calls
``layer3.3`` is called so in a cut, too. DenseNet's and VGG's ``features.`` is left out.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torchvision.models
from torch import nn

from crosslabel.errors import TaskError

PREFIX = "torchvision."


@dataclass(frozen=True)
class CutBlock:
    """A block of a backbone: the cuts within it, from its first layer to its end.

    Attributes:
        layers: names of the layers after which a trunk may end, in order of depth; the last one ends the block.
    """

    layers: tuple[str, ...]

    @property
    def end(self) -> str:
        return self.layers[-1]


class Trunk(nn.Sequential):
    """The convolutional part of a backbone: (batch, channels, rows, columns) -> feature maps (batch, features, ...).

    Attributes:
        architecture: torchvision's name of the backbone.
        blocks: the blocks of the whole backbone, whatever the cut.
        cut: name of the last layer.
    """

    architecture: str
    blocks: tuple[CutBlock, ...]
    cut: str


def backbone_names() -> tuple[str, ...]:
    """The backbones there are, as a task file names them."""
    return tuple(PREFIX + name for name in _BUILDERS)


def build_trunk(name: str, in_channels: int, cut: str | None = None) -> Trunk:
    """A trunk with fresh weights.

    Args:
        name: torchvision's name of the architecture, such as ``resnet50``.
        in_channels: channels of the image; the first convolution is built for them.
        cut: last layer to keep; the whole trunk if ``None``.

    Raises:
        TaskError: there is no such backbone, or it cannot be cut there.
    """
    if name not in _BUILDERS:
        raise TaskError(f"There is no backbone '{PREFIX}{name}'; choose one of {', '.join(backbone_names())}.")
    layers, blocks = _BUILDERS[name]()
    trunk = Trunk(layers)
    trunk.architecture, trunk.blocks, trunk.cut = name, blocks, blocks[-1].end
    if in_channels != 3:
        _set_first_convolution(trunk, in_channels)
    if cut is not None:
        truncate(trunk, cut)
    return trunk


def truncate(trunk: Trunk, cut: str) -> None:
    """Drop everything behind a layer, in place.

    Raises:
        TaskError: the trunk has no such layer, or it was cut before it.
    """
    known = [layer for block in trunk.blocks for layer in block.layers]
    if cut not in known:
        ends = ", ".join(block.end for block in trunk.blocks)
        raise TaskError(f"{trunk.architecture} cannot be cut after '{cut}'; its blocks end at {ends} (or cut within them).")
    if known.index(cut) > known.index(trunk.cut):
        raise TaskError(f"{trunk.architecture} was already cut after {trunk.cut}, before '{cut}'.")
    if cut != known[-1]:
        _drop_behind(trunk, cut)
    trunk.cut = cut


def first_convolution(network: nn.Module) -> tuple[str, nn.Module]:
    """Name and module of the convolution that sees the image.

    Raises:
        TaskError: the network has none.
    """
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d | nn.Conv3d):
            return name, module
    raise TaskError("The network has no convolution, so its input cannot be adapted.")


@torch.no_grad()
def feature_count(trunk: Trunk) -> int:
    """Number of feature maps that a trunk ends with."""
    _, first = first_convolution(trunk)
    training = trunk.training
    # In evaluation mode: a probe must not change the running statistics of batch normalisation.
    probe = first.weight.new_zeros(1, first.in_channels, 96, 96)
    count = trunk.eval()(probe).shape[1]
    trunk.train(training)
    return int(count)


def _drop_behind(module: nn.Module, cut: str) -> None:
    first, _, rest = cut.partition(".")
    names = list(module._modules)
    for name in names[names.index(first) + 1 :]:
        del module._modules[name]
    if rest:
        _drop_behind(module._modules[first], rest)


def _set_first_convolution(trunk: Trunk, in_channels: int) -> None:
    name, old = first_convolution(trunk)
    new = nn.Conv2d(
        in_channels, old.out_channels, old.kernel_size, old.stride, old.padding, old.dilation, bias=old.bias is not None
    )
    trunk.set_submodule(name, new)


# Layers by name in order, and the blocks that they form.
_Built = tuple[OrderedDict[str, nn.Module], tuple[CutBlock, ...]]


def _resnet(architecture: str) -> _Built:
    model = getattr(torchvision.models, architecture)(weights=None)
    layers = _children(model, without=("avgpool", "fc"))
    blocks = tuple(
        CutBlock((*(f"{name}.{index}" for index in range(len(layer) - 1)), name))
        for name, layer in layers.items()
        if name.startswith("layer")
    )
    return layers, blocks


def _densenet(architecture: str) -> _Built:
    model = getattr(torchvision.models, architecture)(weights=None)
    # torchvision applies the last activation outside of its layers.
    layers = _children(model.features)
    layers["relu5"] = nn.ReLU()
    blocks = []
    for number in range(1, 5):
        dense = f"denseblock{number}"
        inner = tuple(f"{dense}.{name}" for name in layers[dense]._modules)
        blocks.append(CutBlock((*inner, f"transition{number}" if number < 4 else "relu5")))
    return layers, tuple(blocks)


def _vgg(architecture: str) -> _Built:
    layers = _children(getattr(torchvision.models, architecture)(weights=None).features)
    blocks, inner = [], []
    for name, layer in layers.items():
        if isinstance(layer, nn.ReLU):
            inner.append(name)
        elif isinstance(layer, nn.MaxPool2d):
            blocks.append(CutBlock((*inner, name)))
            inner = []
    return layers, tuple(blocks)


def _googlenet(architecture: str) -> _Built:
    model = torchvision.models.googlenet(weights=None, aux_logits=False, init_weights=False)
    layers = _children(model, without=("aux1", "aux2", "avgpool", "dropout", "fc"))
    names = (("conv3", "maxpool2"), "3ab", "4abcde", "5ab")
    blocks = [names[0], *(tuple(f"inception{group[0]}{letter}" for letter in group[1:]) for group in names[1:])]
    return layers, tuple(CutBlock(tuple(block)) for block in blocks)


def _inception_v3(architecture: str) -> _Built:
    model = torchvision.models.inception_v3(weights=None, aux_logits=False, init_weights=False)
    layers = _children(model, without=("AuxLogits", "avgpool", "dropout", "fc"))
    names = (("Conv2d_4a_3x3", "maxpool2"), "5bcd", "6abcde", "7abc")
    blocks = [names[0], *(tuple(f"Mixed_{group[0]}{letter}" for letter in group[1:]) for group in names[1:])]
    return layers, tuple(CutBlock(tuple(block)) for block in blocks)


def _children(model: nn.Module, without: Sequence[str] = ()) -> OrderedDict[str, nn.Module]:
    return OrderedDict((name, child) for name, child in model.named_children() if name not in without)


_FAMILIES: dict[Callable[[str], _Built], tuple[str, ...]] = {
    _resnet: ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
    _densenet: ("densenet121", "densenet161", "densenet169", "densenet201"),
    _vgg: ("vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn"),
    _googlenet: ("googlenet",),
    _inception_v3: ("inception_v3",),
}
_BUILDERS = {name: partial(family, name) for family, names in _FAMILIES.items() for name in names}
