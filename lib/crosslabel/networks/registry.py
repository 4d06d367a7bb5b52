"""Networks by name, as task files give them: ``dar_unet``, a backbone of torchvision, or any of ``monai.networks.nets``."""

from __future__ import annotations

import difflib
import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import monai.networks.nets
from torch import nn

from crosslabel.errors import TaskError
from crosslabel.networks.anisotropy import plan_strides
from crosslabel.networks.backbone_classifier import BackboneClassifier
from crosslabel.networks.backbones import PREFIX, backbone_names
from crosslabel.networks.dar_unet import PUBLISHED_CHANNELS, DARUNet

DAR_UNET = "dar_unet"

# What MONAI's constructors call the three facts that follow from a task.
_SPATIAL_DIMS = ("spatial_dims",)
_IN_CHANNELS = ("in_channels", "n_input_channels", "num_channels")
_OUT_CHANNELS = ("out_channels", "num_classes", "classes")


def build_network(
    name: str,
    arguments: Mapping[str, Any],
    *,
    in_channels: int,
    out_channels: int,
    spatial_dims: int,
    spacing: Sequence[float] | None = None,
) -> nn.Module:
    """A network with fresh weights; see :func:`resolve_arguments` for the parameters and errors."""
    resolved = resolve_arguments(
        name,
        arguments,
        in_channels=in_channels,
        out_channels=out_channels,
        spatial_dims=spatial_dims,
        spacing=spacing,
    )
    try:
        return _constructor(name)(**resolved)
    except (
        AssertionError,
        AttributeError,
        ImportError,
        LookupError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        reason = " ".join(str(error).split())
        raise TaskError(f"The network {name} refuses its arguments {resolved}: {reason}") from error


def resolve_arguments(
    name: str,
    arguments: Mapping[str, Any],
    *,
    in_channels: int,
    out_channels: int,
    spatial_dims: int,
    spacing: Sequence[float] | None = None,
) -> dict[str, Any]:
    """The arguments completed by what follows from the task, as a checkpoint's provenance should state them.

    Filled in where the constructor has such a parameter and the task does not give it: the numbers of
    channels and spatial axes; ``pretrained=False``, so that building a network never downloads weights
    unasked; and for ``dar_unet`` the strides, planned from the spacing.

    Args:
        name: ``dar_unet``, ``torchvision.`` and the name of a backbone, or the name of a network in ``monai.networks.nets``.
        arguments: arguments of its constructor.
        in_channels: channels of the image.
        out_channels: classes, for segmentation with the background.
        spatial_dims: 2 or 3.
        spacing: voxel size in mm, in the order of the axes of the tensors.

    Raises:
        TaskError: an unknown name, with the closest ones; an unknown or missing argument, with the accepted
            ones; a network that does not fit the number of spatial axes.
    """
    parameters = _parameters(_constructor(name))
    for argument in arguments:
        if argument not in parameters:
            raise TaskError(
                f"The network {name} has no argument '{argument}'{_did_you_mean(argument, parameters)}; "
                f"it accepts {', '.join(parameters)}."
            )
    derived: dict[str, Any] = dict.fromkeys(_SPATIAL_DIMS, spatial_dims)
    derived |= dict.fromkeys(_IN_CHANNELS, in_channels)
    derived |= dict.fromkeys(_OUT_CHANNELS, out_channels)
    derived["pretrained"] = False
    if name == DAR_UNET:
        if spatial_dims != 3:
            raise TaskError(f"The network {DAR_UNET} is for 3-D images; for {spatial_dims}-D choose another, as UNet.")
        if "strides" not in arguments:
            derived["strides"] = _planned_strides(arguments, spacing)
    # A parameter whose default is None is one that the constructor finds out by itself.
    filled = {key: value for key, value in derived.items() if key in parameters and parameters[key].default is not None}
    resolved = filled | dict(arguments)
    missing = [key for key, parameter in parameters.items() if key not in resolved and _is_required(parameter)]
    if missing:
        raise TaskError(f"The network {name} also needs the argument '{missing[0]}'; add it to the network's arguments.")
    return resolved


def _constructor(name: str) -> Callable[..., nn.Module]:
    if name == DAR_UNET:
        return DARUNet
    if name in backbone_names():
        return _backbone(name.removeprefix(PREFIX))
    found = getattr(monai.networks.nets, name, None)
    if found is None or not issubclass(_built_class(found), nn.Module):
        members = vars(monai.networks.nets).items()
        known = [DAR_UNET, *backbone_names(), *(key for key, value in members if issubclass(_built_class(value), nn.Module))]
        raise TaskError(
            f"There is no network '{name}'{_did_you_mean(name, known)}; use {DAR_UNET} or a network of monai.networks.nets, "
            f"or a backbone of torchvision, as {PREFIX}resnet18."
        )
    return found


def _backbone(architecture: str) -> Callable[..., nn.Module]:
    def build(
        spatial_dims: int,
        in_channels: int,
        num_classes: int,
        cut: str | None = None,
        head: str = "linear",
        slice_axis: int = 2,
        dropout: float = 0.0,
    ) -> BackboneClassifier:
        return BackboneClassifier(architecture, spatial_dims, in_channels, num_classes, cut, head, slice_axis, dropout)

    return build


def _built_class(constructor: Any) -> type:
    """What a class or an annotated factory function (as MONAI's resnet18) makes; ``object`` for all else."""
    if inspect.isfunction(constructor):
        constructor = typing.get_type_hints(constructor).get("return")
    return constructor if inspect.isclass(constructor) else object


def _parameters(constructor: Callable[..., nn.Module]) -> dict[str, inspect.Parameter]:
    """The parameters of a constructor, with those that its ``**kwargs`` pass on to the class behind it.

    A variant such as SEResNet50, or resnet18, fixes some parameters of the general class. Those are not told
    from the others by a signature; only the required ones among them can be left out, because the variant
    must have given them.
    """
    own = inspect.signature(constructor).parameters
    named = {key: value for key, value in own.items() if value.kind not in (value.VAR_POSITIONAL, value.VAR_KEYWORD)}
    if any(value.kind is value.VAR_KEYWORD for value in own.values()):
        built = _built_class(constructor)
        general = built if built is not constructor else built.__base__
        always_passed_on = {*_SPATIAL_DIMS, *_IN_CHANNELS, *_OUT_CHANNELS}
        for key, value in _parameters(general).items():
            if key not in named and (not _is_required(value) or key in always_passed_on):
                named[key] = value
    return named


def _is_required(parameter: inspect.Parameter) -> bool:
    return parameter.default is parameter.empty


def _planned_strides(arguments: Mapping[str, Any], spacing: Sequence[float] | None) -> tuple[tuple[int, ...], ...]:
    if spacing is None:
        raise TaskError(f"The network {DAR_UNET} needs a spacing in the task, or 'strides' among its arguments.")
    channels = arguments.get("channels", PUBLISHED_CHANNELS)
    try:
        return plan_strides(spacing, levels=len(channels) - 1)
    except (TypeError, ValueError) as error:
        raise TaskError(f"The strides of {DAR_UNET} cannot be planned: {error}") from error


def _did_you_mean(wrong: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    by_lower_case: dict[str, str] = {}
    for name in known:
        by_lower_case.setdefault(name.lower(), name)
    close = difflib.get_close_matches(wrong.lower(), by_lower_case, n=3)
    return f" (did you mean {' or '.join(by_lower_case[name] for name in close)}?)" if close else ""
