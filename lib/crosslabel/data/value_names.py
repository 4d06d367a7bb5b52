"""What the label values of a data set mean, where the data set says so itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from crosslabel.errors import DataError


def names_of_values(folder: Path) -> dict[int, str] | None:
    """Value to name, as a folder's ``dataset.json`` states it; ``None`` where none does.

    Raises:
        DataError: the file is not valid JSON, or its ``labels`` do not give each value one name.
    """
    path = folder / "dataset.json"
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise DataError(f"{path} is not valid JSON; correct it or move it away.") from error
    return names_in(content, path.name)


def names_of_labels(folder: Path) -> dict[int, str] | None:
    """The same for a folder of label files: a ``dataset.json`` lies in it or, in Decathlon's layout, beside it.

    Raises:
        DataError: as :func:`names_of_values`.
    """
    return names_of_values(folder) or names_of_values(folder.parent)


def names_in(content: Any, file: str) -> dict[int, str] | None:
    """``labels`` of what a ``dataset.json`` holds: value to name (Decathlon) or name to value (nnU-Net v2).

    Args:
        content: of the file.
        file: its name, for messages.

    Raises:
        DataError: a value has no name, or several.
    """
    labels = content.get("labels") if isinstance(content, dict) else None
    if not isinstance(labels, dict):
        return None
    try:
        if all(str(key).isdigit() for key in labels):
            return {int(value): str(name) for value, name in labels.items()}
        return {int(value): str(name) for name, value in labels.items()}
    except (TypeError, ValueError) as error:
        raise DataError(f"{file}: 'labels' must give each value one name.") from error
