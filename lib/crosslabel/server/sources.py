"""Named folders of labelled source images, which whoever starts the server chooses and no client can."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from crosslabel.errors import CrossLabelError, NotFoundError

NAME_AND_FOLDER = "name=folder"


def parse_sources(texts: Sequence[str]) -> dict[str, Path]:
    """Sources as they are given on the command line, ``name=folder`` each.

    Raises:
        CrossLabelError: one is written otherwise, a name is given twice, a folder does not exist, or one is called as no
            configuration can tell.
    """
    found: dict[str, Path] = {}
    for text in texts:
        name, separator, folder = text.partition("=")
        if not separator or not name.strip() or not folder.strip():
            raise CrossLabelError(f"The source '{text}' is not written as {NAME_AND_FOLDER}, for example ct=/data/ct.")
        if name.strip() in found:
            raise CrossLabelError(f"The source '{name.strip()}' is given twice; give each its own name.")
        path = Path(folder.strip()).expanduser().resolve()
        if not path.exists():
            raise CrossLabelError(f"The folder {path} of the source '{name.strip()}' does not exist.")
        if os.pathsep in f"{name}{path}":
            # In the app's configuration it would part one source from the next.
            raise CrossLabelError(f"The source '{text}' has '{os.pathsep}' in its name or folder; rename it, or link to it.")
        found[name.strip()] = path
    return found


def sources_as_text(sources: Mapping[str, Path]) -> str:
    """For the app's configuration, which is text."""
    return os.pathsep.join(f"{name}={path}" for name, path in sources.items())


def sources_from_text(text: str) -> dict[str, Path]:
    """What :func:`sources_as_text` wrote, or ``--conf sources ct=/data/ct`` of the stock server says."""
    return parse_sources([part for part in text.split(os.pathsep) if part])


def source_named(sources: Mapping[str, Path], name: str | None) -> Path:
    """The folder of a source; the only one if no name is given.

    Raises:
        CrossLabelError: there is none, or several and no name.
        NotFoundError: no source has this name.
    """
    if not sources:
        raise CrossLabelError("This server has no labelled source; start it with --source name=folder.")
    if name is None:
        if len(sources) > 1:
            raise CrossLabelError(f"Which source? This server has {', '.join(sources)}.")
        return next(iter(sources.values()))
    if name not in sources:
        raise NotFoundError(f"There is no source '{name}' here; this server has {', '.join(sources)}.")
    return sources[name]
