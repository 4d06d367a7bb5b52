"""What may be wrong with an installation, found out one thing at a time."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.requirements import Requirement

import crosslabel
from crosslabel.errors import CrossLabelError

if TYPE_CHECKING:
    from crosslabel.checkpoints import ModelStore
    from crosslabel.tasks import TaskSpec

# Why a version is bounded, where the bound alone would puzzle.
_REASONS = {
    "numpy": "MONAI Label 0.8.5 needs numpy below 2",
    "pydicom": "pydicom-seg, which MONAI Label imports, fails on pydicom 3",
    "dicomweb-client": "later versions need pydicom 3",
    "setuptools": "MONAI Label imports distutils, which Python 3.12 takes from setuptools",
}


class Level(str, Enum):
    """How bad a finding is."""

    OK = "ok"
    NOTE = "note"
    BROKEN = "broken"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        subject: what was looked at.
        level: how bad it is.
        found: what is there.
        remedy: how to mend it; empty if there is nothing to mend.
    """

    subject: str
    level: Level
    found: str
    remedy: str = ""

    @property
    def sentence(self) -> str:
        return f"{self.subject}: {self.found}" + (f" -> {self.remedy}" if self.remedy else "")

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "subject": self.subject,
            "level": self.level.value,
            "found": self.found,
            "remedy": self.remedy,
        }


def diagnose(tasks: Path, models: Path, store: ModelStore) -> list[Finding]:
    """Look at everything.

    Args:
        tasks: folder of the task files.
        models: folder of the trained checkpoints.
        store: the checkpoints that would be served.
    """
    return [_python(), *_requirements(), *_torch_stack(), _models_folder(models), *_tasks(tasks, store)]


def check_requirement(requirement: Requirement, installed: str | None) -> Finding:
    """Whether an installed version (``None`` if there is none) is one that CrossLabel works with."""
    remedy = f'python -m pip install "{requirement.name}{requirement.specifier}"'
    if installed is None:
        return Finding(requirement.name, Level.BROKEN, "is not installed", remedy)
    if requirement.specifier.contains(installed, prereleases=True):
        return Finding(requirement.name, Level.OK, installed)
    reason = _REASONS.get(requirement.name.lower(), f"CrossLabel needs {requirement.specifier}")
    return Finding(requirement.name, Level.BROKEN, f"{installed} conflicts: {reason}", remedy)


def check_build_pair(torch_version: str, torchvision_version: str) -> Finding:
    """Whether torch and torchvision are of one build: a ``+cpu`` one and a CUDA one do not load together."""
    ours, theirs = (version.partition("+")[2] for version in (torch_version, torchvision_version))
    if (ours == "cpu") == (theirs == "cpu"):
        return Finding("torch and torchvision", Level.OK, f"{torch_version} and {torchvision_version}")
    return Finding(
        "torch and torchvision",
        Level.BROKEN,
        f"{torch_version} and {torchvision_version} are a CPU and a CUDA build, which do not load together",
        "python -m pip install --force-reinstall torch torchvision, both from the same place",
    )


def _python() -> Finding:
    version = platform.python_version()
    if (3, 10) <= sys.version_info[:2] < (3, 13):
        return Finding("Python", Level.OK, version)
    return Finding("Python", Level.BROKEN, f"{version} is not supported", "use Python 3.10, 3.11 or 3.12")


def _requirements() -> Iterator[Finding]:
    yield Finding("crosslabel", Level.OK, crosslabel.__version__)
    for text in metadata.requires("crosslabel") or []:
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield check_requirement(requirement, _installed(requirement.name))


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _torch_stack() -> Iterator[Finding]:
    if _installed("torch") is None or _installed("torchvision") is None:
        return
    import torch

    try:
        import torchvision
    except (ImportError, RuntimeError) as error:
        # Importing is the test: compiled operators that do not fit torch raise RuntimeError.
        remedy = "python -m pip install --force-reinstall torch torchvision, both from the same place"
        yield Finding("torchvision", Level.BROKEN, f"does not load with torch {torch.__version__} ({error})", remedy)
    else:
        yield check_build_pair(torch.__version__, torchvision.__version__)
    yield _gpu()


def _gpu() -> Finding:
    import torch

    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        return Finding("GPU", Level.OK, f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB")
    if torch.backends.mps.is_available():
        return Finding("GPU", Level.OK, "Apple silicon (mps)")
    if shutil.which("nvidia-smi"):
        remedy = "update the driver, or install a torch built for the driver's CUDA version"
        return Finding("GPU", Level.NOTE, "there is an NVIDIA driver and torch cannot use it", remedy)
    return Finding("GPU", Level.NOTE, "none; predicting works, training takes long")


def _models_folder(models: Path) -> Finding:
    nearest = next(folder for folder in (models, *models.absolute().parents) if folder.exists())
    if os.access(nearest, os.W_OK):
        return Finding("model folder", Level.OK, str(models))
    remedy = "set CROSSLABEL_MODELS to a folder that you may write to"
    return Finding("model folder", Level.BROKEN, f"{models} cannot be written", remedy)


def _tasks(tasks: Path, store: ModelStore) -> Iterator[Finding]:
    from crosslabel.tasks import load_task

    files = sorted(tasks.glob("*.yaml"))
    if not files:
        remedy = "set CROSSLABEL_TASKS to a folder with task files, or draft one with 'crosslabel task new'"
        yield Finding("tasks", Level.BROKEN, f"no task files lie in {tasks}", remedy)
    for path in files:
        try:
            yield _task(load_task(path), store)
        except CrossLabelError as error:
            yield Finding(f"task {path.stem}", Level.BROKEN, str(error), f"correct {path}")


def _task(task: TaskSpec, store: ModelStore) -> Finding:
    from crosslabel.inference import fill_network

    subject = f"task {task.name}"
    version = store.current(task)
    if version is None:
        remedy = f"crosslabel train {task.name} --images DIR"
        return Finding(subject, Level.NOTE, "no checkpoint, so it cannot predict yet", remedy)
    try:
        fill_network(task, store.load(task, version))
    except CrossLabelError as error:
        remedy = f"crosslabel train {task.name} --images DIR, or put the right file back at {version.path}"
        return Finding(subject, Level.BROKEN, str(error), remedy)
    trained_on = ", trained on generated images only" if version.demonstration else ""
    return Finding(subject, Level.OK, f"{version.name}{trained_on}")
