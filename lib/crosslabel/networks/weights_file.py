"""Reading a file of weights without running anything in it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch

from crosslabel.errors import CheckpointError


def read_weights_file(path: str | Path) -> Any:
    """What ``torch.save`` wrote, on the CPU, if it is made of tensors and plain containers only.

    Raises:
        CheckpointError: the file is missing, is not such a file, or holds Python objects that could run code; the message
            names the file without its folder, because the server passes it on to clients.
    """
    path = Path(path)
    try:
        with warnings.catch_warnings():
            # What is refused is said below.
            warnings.filterwarnings("ignore", "Detected pickle protocol", UserWarning)
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise CheckpointError(f"{path.name} cannot be opened ({error.strerror}); check the path.") from error
    except Exception as error:
        # The unpickler is a small interpreter: bytes that are no checkpoint end in almost any exception there
        # is (IndexError, struct.error, UnicodeDecodeError, AssertionError, ...). A refused object is named as
        # a GLOBAL.
        if "GLOBAL " in str(error):
            message = "holds Python objects that could run code, so it was not loaded; use a file of weights only."
        elif _is_pickle(path):
            message = "is damaged, or a pickle that torch.save did not write; it could run code, so it was not loaded."
        else:
            message = "is damaged or was not written by torch.save; choose another file."
        raise CheckpointError(f"{path.name} {message}") from error


def _is_pickle(path: Path) -> bool:
    """Whether a file begins as a plain pickle of protocol 2 or later, in which torch does not name what it refuses."""
    with path.open("rb") as file:
        return file.read(2)[:1] == b"\x80"
