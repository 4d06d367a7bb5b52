"""Reading checkpoints of the published DAR-UNet code (Yao et al. 2022) by their original parameter names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from crosslabel.errors import CheckpointError
from crosslabel.networks.weights_file import read_weights_file

SEGMENTER_KEY = "seg"
FUSED_HEAD_BIAS = "fusion.bias"

# From our names to the published ones, which count levels from 1. Each rule applies wherever it matches.
_RENAMING = (
    (r"^encoder\.0\.", "L1_fromimg."),
    (r"^encoder\.(\d+)\.", lambda match: f"L{int(match[1]) + 1}_down."),
    (r"^upsampling\.(\d+)\.", lambda match: f"vam{int(match[1]) + 1}."),
    (r"^decoder\.(\d+)\.", lambda match: f"L{int(match[1]) + 1}_up."),
    (r"^side_heads\.", "sides."),
    (r"^fusion\.", "outconv."),
    (r"\.residual\.", ".conv_block."),
    (r"\.shortcut\.", ".conv_skip."),
    (r"\.attention\.gates\.(\d+)\.convolution\.", r".qam.branchs.\1.compress.1."),
    (r"\.attention\.gates\.(\d+)\.norm\.", r".qam.branchs.\1.compress.2."),
    (r"\.fine_evidence\.", ".conv_encoder."),
    (r"\.coarse_evidence\.", ".conv_decoder."),
    (r"\.weight_map\.", ".conv_attn."),
)


def published_name(name: str) -> str:
    """The name that the published code gives to a parameter or buffer of ``DARUNet``."""
    for pattern, replacement in _RENAMING:
        name = re.sub(pattern, replacement, name)
    return name


def read_published_state(path: str | Path, expected: Mapping[str, Tensor], num_classes: int) -> dict[str, Tensor]:
    """The state of a published checkpoint under our names.

    Args:
        path: a file of ``torch.save`` that holds ``{"seg": state_dict}``. It is read without running any code
            in it.
        expected: the state of the network that is to hold it: its names and shapes are what the file must
            have.
        num_classes: the number of classes, background included, that the file must hold.

    Raises:
        CheckpointError: if the file is missing or unreadable, would run code, or at the first name or shape
            that differs.
    """
    path = Path(path)
    found = _segmenter_state(path)
    names = {published_name(ours): ours for ours in expected}
    _check_classes(path, found, num_classes)
    return renamed(path, found, expected, names, "DAR-UNet")


def renamed(
    path: Path, found: Mapping[str, Tensor], expected: Mapping[str, Tensor], names: Mapping[str, str], network: str
) -> dict[str, Tensor]:
    """A state under our names.

    Args:
        path: of the checkpoint, for messages.
        found: what it holds.
        expected: a state of the network that is to hold it.
        names: our name of every parameter by the published one.
        network: what it should be a checkpoint of, for messages.

    Raises:
        CheckpointError: at the first name or shape that differs.
    """
    for name, ours in names.items():
        if name not in found:
            raise _other_architecture(path, network, f"it has no parameter {name}")
        if found[name].shape != expected[ours].shape:
            shapes = f"{tuple(found[name].shape)}, not {tuple(expected[ours].shape)}"
            raise _other_architecture(path, network, f"its {name} has shape {shapes}")
    for name in found:
        if name not in names:
            raise _other_architecture(path, network, f"it has the unknown parameter {name}")
    return {ours: found[name] for name, ours in names.items()}


def _check_classes(path: Path, found: Mapping[str, Tensor], num_classes: int) -> None:
    bias = found.get(published_name(FUSED_HEAD_BIAS))
    if bias is not None and bias.numel() != num_classes:
        raise CheckpointError(
            f"{path} holds {bias.numel()} classes, not {num_classes}; give num_classes={bias.numel()} or choose another "
            "checkpoint."
        )


def _segmenter_state(path: Path) -> Mapping[str, Tensor]:
    content = read_weights_file(path)
    state = content.get(SEGMENTER_KEY) if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise CheckpointError(
            f"{path} does not hold a state_dict under the key '{SEGMENTER_KEY}', "
            "as the published checkpoints do; choose another file."
        )
    return state


def _other_architecture(path: Path, network: str, difference: str) -> CheckpointError:
    return CheckpointError(
        f"{path} holds another architecture than the published {network}: {difference}; use a checkpoint of that network."
    )
