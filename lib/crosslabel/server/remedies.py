"""What MONAI Label 0.8.5 needs before it runs with today's dependencies.

Faults of parts that CrossLabel does not use need nothing: its tasks derive from ``InferTask`` and ``TrainTask``
and never meet ``BasicTrainTask`` (MLflow's removed file store), ``ClassificationWriter`` (needs a MetaTensor) or
``inverse_transforms``. Batch inference on a CPU is mended in :mod:`crosslabel.server.batch_infer`.
"""

from __future__ import annotations

import json
import os
from importlib.metadata import PackageNotFoundError, version

from crosslabel.errors import CrossLabelError

_SETTINGS = {
    # MLflow no longer supports the file store that MONAI Label tracks to by default.
    "MONAI_LABEL_TRACKING_ENABLED": False,
    # Queues a process of 10 s for each scoring method at start, after training and at every next sample.
    "MONAI_LABEL_AUTO_UPDATE_SCORING": False,
}
_ORIGINS = "CROSSLABEL_CORS_ORIGINS"


class EnvironmentFaultError(CrossLabelError):
    """The installed packages or the environment cannot run the server."""

    status = 500


def prepare_environment() -> None:
    """Set what has to be in the environment before ``monailabel`` is imported, here and in background jobs.

    Raises:
        EnvironmentFaultError: pydicom is too new, or MONAI Label's broken authentication is asked for.
    """
    _check_pydicom()
    _take_over_cors_origins()
    for name, value in _SETTINGS.items():
        os.environ[name] = str(value).lower()
    # Background jobs read this variable without a default and stay SUBMITTED for ever where it is missing.
    os.environ.setdefault("PYTHONPATH", "")
    if os.environ.get("MONAI_LABEL_AUTH_ENABLE", "").lower() in ("1", "true", "yes", "on"):
        raise EnvironmentFaultError(
            "MONAI Label's own authentication refuses valid tokens; unset MONAI_LABEL_AUTH_ENABLE and serve "
            "on 127.0.0.1, or put a reverse proxy that authenticates in front."
        )


def apply() -> None:
    """The same for settings that are already loaded: in ``monailabel start_server`` and background jobs."""
    prepare_environment()
    from monailabel.config import settings

    for name, value in _SETTINGS.items():
        setattr(settings, name, value)


def cors_origins() -> list[str]:
    """Origins whose pages may read answers in a browser; none unless ``MONAI_LABEL_CORS_ORIGINS`` lists them.

    Raises:
        EnvironmentFaultError: the variable is no JSON list of origins.
    """
    text = os.environ.get(_ORIGINS, "[]")
    try:
        origins = json.loads(text)
    except ValueError:
        origins = None
    if not isinstance(origins, list) or not all(isinstance(origin, str) for origin in origins):
        raise EnvironmentFaultError(
            f'MONAI_LABEL_CORS_ORIGINS is {text!r}; write a JSON list such as ["https://viewer.example"].'
        )
    return [origin.rstrip("/") for origin in origins]


def _take_over_cors_origins() -> None:
    """MONAI Label prints its settings as JSON and dies of origins, at its start and in every background job."""
    given = os.environ.pop("MONAI_LABEL_CORS_ORIGINS", None)
    if given is not None:
        os.environ[_ORIGINS] = given


def _check_pydicom() -> None:
    try:
        installed = version("pydicom")
    except PackageNotFoundError:
        installed = "0"
    if int(installed.split(".")[0]) >= 3:
        raise EnvironmentFaultError(
            f"MONAI Label does not start with pydicom {installed}; "
            "install the versions that CrossLabel asks for: pip install 'pydicom<3' 'dicomweb-client<0.60'."
        )
