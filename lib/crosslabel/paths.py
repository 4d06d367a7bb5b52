"""Where the app, the sample data and the trained models live, in a source checkout and in an installed wheel."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parents[1]


def app_dir() -> Path:
    """Folder of the MONAI Label app: ``apps/crosslabel`` of the checkout, else the copy inside the wheel."""
    return _first_existing(_CHECKOUT / "apps" / "crosslabel", _PACKAGE / "_app")


def tasks_dir() -> Path:
    """Folder of the shipped task files, or ``CROSSLABEL_TASKS`` where a user keeps their own."""
    chosen = os.environ.get("CROSSLABEL_TASKS")
    return Path(chosen) if chosen else app_dir() / "tasks"


def sample_data_dir() -> Path:
    """Folder of the generated sample studies and the demonstration checkpoints."""
    return _first_existing(_CHECKOUT / "sample_data", _PACKAGE / "_sample_data")


def models_dir() -> Path:
    """Folder of the trained checkpoints: ``CROSSLABEL_MODELS``, the app's ``model/``, or the user's data folder.

    An installed wheel lies where users may not write, so its models go to the platform's folder for user data.
    """
    chosen = os.environ.get("CROSSLABEL_MODELS")
    if chosen:
        return Path(chosen)
    if app_dir().is_relative_to(_PACKAGE):
        return Path(platformdirs.user_data_dir("crosslabel")) / "model"
    return app_dir() / "model"


def security_dir() -> Path:
    """Folder of the tokens that open the server, beside the models that it serves."""
    return models_dir() / "security"


def _first_existing(*candidates: Path) -> Path:
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    return candidates[-1]
