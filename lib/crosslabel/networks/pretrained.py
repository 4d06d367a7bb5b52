"""Weights learnt elsewhere: a file of torchvision's or of the project's own, or torchvision's cache, into a new network."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torchvision.models
from torch import Tensor, nn

from crosslabel.errors import CheckpointError, CrossLabelError, TaskError
from crosslabel.networks.backbone_classifier import BackboneClassifier
from crosslabel.networks.backbones import build_trunk, first_convolution
from crosslabel.networks.penultimate import head_name
from crosslabel.networks.weights_file import read_weights_file

# Early DenseNet files of torchvision write "norm.1" where its layers are called "norm1".
_OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)")


class NoWeightsError(CrossLabelError):
    """Weights that were asked for by name are not to be had."""


_WRAPPERS = ("state_dict", "model_state_dict", "state", "model", "network", "net")


def load_pretrained(network: nn.Module, path: Path) -> list[str]:
    """Fill a network with a file's weights, all but its head and its slice attention, which are learnt anew.

    A first convolution for another number of channels is adapted: its weights are averaged over the channels of the file,
    repeated for those of the network, and scaled so that an image that is equal in all channels gives the same response.

    Args:
        network: a classifier; its weights are replaced in place, all of them or none.
        path: weights of torchvision, of a project checkpoint, or of any network with the same names; read without running
            code in it.

    Returns:
        The names of what the file did not give, such as the head.

    Raises:
        CheckpointError: the file is unsafe or unreadable, or belongs to another network; names the first mismatch.
    """
    given = _renamed(_tensors(read_weights_file(path), path.name), network)
    head = head_name(network) + "."
    left_fresh = (head, "attention.")
    wanted = {name: value for name, value in network.state_dict().items() if not name.startswith(left_fresh)}
    adapted = _adapted_to_channels(given, network)
    for name, value in wanted.items():
        if name.endswith("num_batches_tracked") and name not in adapted:
            adapted[name] = value
        _check(name, value, adapted.get(name), path.name)
        if not bool(torch.isfinite(adapted[name]).all()):
            raise CheckpointError(f"{path.name}: '{name}' holds values that are no finite numbers; choose another file.")
    trained = {name: value for name, value in adapted.items() if not name.startswith(left_fresh)}
    _check_surplus(trained, network, path.name)
    network.load_state_dict({name: adapted[name] for name in wanted}, strict=False)
    return [name for name in network.state_dict() if name not in wanted]


def torchvision_weights(architecture: str, weights: str) -> Path:
    """The file of one of torchvision's weight enums: from its cache, else downloaded into it.

    Args:
        architecture: as ``resnet50``.
        weights: name in the enum, as ``IMAGENET1K_V1`` or ``DEFAULT``.

    Raises:
        TaskError: the architecture has no such weights.
        NoWeightsError: they are not in the cache and cannot be fetched.
    """
    enum = torchvision.models.get_model_weights(architecture)
    if weights not in enum.__members__:
        raise TaskError(f"{architecture} has no weights '{weights}'; torchvision knows {', '.join(enum.__members__)}.")
    url = enum[weights].url
    name = url.rsplit("/", 1)[-1]
    path = Path(torch.hub.get_dir()) / "checkpoints" / name
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = re.search(r"-([0-9a-f]{8,})\.pth$", name)
    try:
        torch.hub.download_url_to_file(url, str(path), hash_prefix=digest and digest.group(1), progress=False)
    except (OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise NoWeightsError(
            f"The weights {name} are not in torchvision's cache ({path.parent}) and cannot be fetched ({reason}); put the file "
            "there, or give one with --weights."
        ) from error
    return path


def _tensors(content: Any, name: str) -> dict[str, Tensor]:
    for wrapper in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping) or not content or not all(isinstance(value, Tensor) for value in content.values()):
        raise CheckpointError(f"{name} holds no weights by name; give a file that torch.save wrote of a state_dict.")
    return {str(key).removeprefix("module."): value for key, value in content.items()}


def _renamed(given: dict[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """Names of torchvision's file, as the network has them."""
    if not isinstance(network, BackboneClassifier) or any(name.startswith("trunk.") for name in given):
        return given
    plain = {_OLD_DENSENET.sub(r"\1\2", name.removeprefix("features.")): value for name, value in given.items()}
    return {f"trunk.{name}": value for name, value in plain.items()}


def _adapted_to_channels(given: dict[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    name, convolution = first_convolution(network)
    weight, channels = given.get(f"{name}.weight"), convolution.weight.shape[1]
    if weight is None or weight.ndim != convolution.weight.ndim or weight.shape[1] == channels:
        return dict(given)
    mean = weight.sum(dim=1, keepdim=True) / channels
    return {**given, f"{name}.weight": mean.expand(-1, channels, *mean.shape[2:]).clone()}


def _check(name: str, wanted: Tensor, found: Tensor | None, file: str) -> None:
    if found is None or found.shape != wanted.shape:
        raise _mismatch(file, name, "nothing" if found is None else tuple(found.shape), tuple(wanted.shape))


def _check_surplus(given: Mapping[str, Tensor], network: nn.Module, file: str) -> None:
    """A deeper sibling has all that is wanted, and more layers in the same parts; other parts may be there."""
    known = set(network.state_dict())
    if isinstance(network, BackboneClassifier):
        # What a cut dropped belongs to the file; nothing of it is needed but its names.
        with torch.device("meta"):
            known.update(f"trunk.{name}" for name in build_trunk(network.trunk.architecture, 3).state_dict())
    parts = {_part(name) for name in known}
    for name, value in given.items():
        if name not in known and _part(name) in parts:
            raise _mismatch(file, name, tuple(value.shape), "nothing")


def _part(name: str) -> str:
    """The top-level part of a network, or of its trunk, that a tensor belongs to."""
    first, _, rest = name.partition(".")
    return f"{first}.{rest.partition('.')[0]}" if first == "trunk" else first


def _mismatch(file: str, name: str, there: object, here: object) -> CheckpointError:
    return CheckpointError(
        f"{file} holds the weights of another network: '{name}' is {there} there and {here} here; give the weights of the "
        "task's network, or change the network in the task file."
    )
