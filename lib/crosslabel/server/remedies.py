"""What MONAI Label 0.8.5 needs before it runs with today's dependencies.

Faults of parts that CrossLabel does not use need nothing: its tasks derive from ``InferTask`` and ``TrainTask``
and never meet ``BasicTrainTask`` (MLflow's removed file store), ``ClassificationWriter`` (needs a MetaTensor) or
``inverse_transforms``. Batch inference on a CPU is mended in :mod:`crosslabel.server.batch_infer`; CORS in
:mod:`crosslabel.server.asgi`, which does not export the settings in the way that fails.
"""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError, version

from crosslabel.errors import CrossLabelError

_SETTINGS = {
    # MLflow no longer supports the file store that MONAI Label tracks to by default.
    "MONAI_LABEL_TRACKING_ENABLED": False,
    # Queues a process of 10 s for each scoring method at start, after training and at every next sample.
    "MONAI_LABEL_AUTO_UPDATE_SCORING": False,
}


class EnvironmentFaultError(CrossLabelError):
    """The installed packages or the environment cannot run the server."""

    status = 500


def prepare_environment() -> None:
    """Set what has to be in the environment before ``monailabel`` is imported, here and in background jobs.

    Raises:
        EnvironmentFaultError: pydicom is too new, or MONAI Label's broken authentication is asked for.
    """
    _check_pydicom()
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
