"""Reading translators of the published DAR-UNet code (Yao et al. 2022) by their original parameter names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from crosslabel.errors import CheckpointError
from crosslabel.networks.published import renamed
from crosslabel.networks.weights_file import read_weights_file

# The state dicts of a checkpoint and the parts of ours that they fill; what else it holds (discriminators) is left.
_PARTS = {"enc_c": "content", "enc_s_a": "style_a", "enc_s_b": "style_b", "dec": "decoder"}

# From our names to the published ones, which number the layers of a part in one sequence: activations and upsamplings, which
# have no parameters, count as well.
_RENAMING = {
    "content": (
        (r"^stem\.", "main."),
        (r"^steps\.(\d)\.(\d)", lambda match: f"main.{3 + 3 * int(match[1]) + int(match[2])}"),
        (r"^blocks\.(\d)", lambda match: f"main.{9 + int(match[1])}"),
    ),
    "style": (
        (r"^stem\.", "model."),
        (r"^steps\.(\d)\.(\d)", lambda match: f"model.{3 + 3 * int(match[1]) + int(match[2])}"),
        (r"^code", "model.19"),
    ),
    "decoder": (
        (r"^blocks", "main"),
        (r"^steps\.(\d)", lambda match: f"main.{7 + 4 * int(match[1])}"),
        (r"^image", "main.14"),
    ),
}
# Buffers of the adaptive normalisations that the published code registers and never reads.
_UNUSED = re.compile(r"^main\.(\d+\.norm[12]|4|8|12)\.running_(mean|var)$")


def published_translator_name(part: str, name: str) -> str:
    """The name that the published code gives to a parameter of a part (``content``, ``style_a``, ``style_b``, ``decoder``)."""
    for pattern, replacement in _RENAMING[part.split("_")[0]]:
        changed, count = re.subn(pattern, replacement, name)
        if count:
            return changed
    return name


def read_published_translator(path: str | Path, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state of a published translator under our names.

    Args:
        path: a file of ``torch.save`` with the state dicts ``enc_c``, ``enc_s_a``, ``enc_s_b`` and ``dec``. It is read
            without running any code in it.
        expected: the state of the network that is to hold it: its names and shapes are what the file must have.

    Raises:
        CheckpointError: if the file is missing or unreadable, would run code, or at the first name or shape that differs.
    """
    path = Path(path)
    content = read_weights_file(path)
    state: dict[str, Tensor] = {}
    for key, part in _PARTS.items():
        found = content.get(key) if isinstance(content, Mapping) else None
        if not isinstance(found, Mapping) or not all(isinstance(value, Tensor) for value in found.values()):
            raise CheckpointError(
                f"{path} does not hold a state_dict under the key '{key}', as published translators do; choose another file."
            )
        used = {name: value for name, value in found.items() if not (part == "decoder" and _UNUSED.match(name))}
        ours = {name.removeprefix(f"{part}."): value for name, value in expected.items() if name.startswith(f"{part}.")}
        names = {published_translator_name(part, name): name for name in ours}
        matched = renamed(path, used, ours, names, "translator of DAR-UNet")
        state |= {f"{part}.{name}": value for name, value in matched.items()}
    return state
