"""A first task file from what a folder of labelled data looks like."""

from __future__ import annotations

import math
from dataclasses import dataclass

import yaml

from crosslabel.images import Modality
from crosslabel.tasks.settings import NetworkSpec

_COLORS = (
    "#dd8265",
    "#4fa3d1",
    "#d9a53f",
    "#9d6ca2",
    "#6fb36f",
    "#c83c3c",
    "#3c8cc8",
    "#b0a048",
    "#c27ba0",
    "#7a8c99",
)
# A patch of this size and batch 2 still trains on a machine without a GPU.
_LARGEST_PATCH = {2: 256, 3: 96}
# Every encoder that a draft names halves its input at most three times before the last level.
_PATCH_STEP = 8


@dataclass(frozen=True)
class Fingerprint:
    """What a task file needs to know of a data set.

    Attributes:
        modality: of its images.
        sequence: of its images, for MR.
        channels: of each image.
        shape: median number of voxels along each axis (right, anterior, superior; or rows, columns).
        spacing: median voxel size in mm along the same axes; ``None`` for pictures.
        label_names: what each label value means, background left out; empty for a classification.
        classes: class names; empty for a segmentation.
    """

    modality: Modality
    sequence: str | None
    channels: int
    shape: tuple[int, ...]
    spacing: tuple[float, ...] | None
    label_names: dict[int, str]
    classes: tuple[str, ...] = ()

    @property
    def dimension(self) -> int:
        """2 or 3."""
        return len(self.shape)


def draft_task(name: str, fingerprint: Fingerprint) -> str:
    """The text of a task file that :func:`~crosslabel.tasks.load_task` accepts, with comments on what to look at.

    Args:
        name: of the task and of its file.
        fingerprint: of the data that it is for.
    """
    spacing, patch = _spacing_and_patch(fingerprint)
    parts = [
        "# Drafted from labelled data; every line may be changed. docs/tasks.md explains the fields.",
        _field("schema", 1),
        _field("name", name),
        _field("title", name.replace("_", " ").capitalize()),
        _field("kind", "classification" if fingerprint.classes else "segmentation"),
        _field("dimension", fingerprint.dimension),
        *_answers(fingerprint),
        *_domains(fingerprint),
        *([] if fingerprint.dimension == 2 else ["orientation: RAS"]),
        *([] if spacing is None else ["# In mm; larger voxels need less memory.", _field("spacing", spacing)]),
        _field("patch", patch),
        _field("network", _network(fingerprint).model_dump(exclude_defaults=True)),
        "training: {epochs: 60, steps_per_epoch: 50, batch_size: 2, learning_rate: 1.0e-3}",
    ]
    return "\n".join(parts) + "\n"


def _answers(fingerprint: Fingerprint) -> list[str]:
    if fingerprint.classes:
        return ["# The names of the class folders.", _field("classes", list(fingerprint.classes))]
    labels = [
        {"name": label, "value": value, "color": _COLORS[index % len(_COLORS)]}
        for index, (value, label) in enumerate(sorted(fingerprint.label_names.items()))
    ]
    return [
        "# The values found in the label files.",
        "labels:",
        *(f"  - {_inline(label)}" for label in labels),
    ]


def _domains(fingerprint: Fingerprint) -> list[str]:
    comment = "# 'target' is what you want to annotate; list a labelled modality of another kind under 'sources'."
    if fingerprint.modality is Modality.CT:
        comment += "\n# The window (Hounsfield units) suits soft tissue; choose the one for your organ."
        intensity: dict[str, object] = {"rule": "window", "lower": -160, "upper": 240}
    else:
        intensity = {"rule": "percentile", "lower": 0.5, "upper": 99.5}
    target: dict[str, object] = {
        "name": fingerprint.modality.value.lower(),
        "modality": fingerprint.modality.value,
    }
    if fingerprint.sequence is not None:
        target["sequence"] = fingerprint.sequence
    if fingerprint.channels > 1:
        target["channels"] = fingerprint.channels
    return [comment, "domains:", f"  target: {_inline({**target, 'intensity': intensity})}"]


def _spacing_and_patch(fingerprint: Fingerprint) -> tuple[list[float] | None, list[int]]:
    """Voxels as they are, for a segmentation; a classifier sees the whole image, so its voxels grow until it fits."""
    largest = _LARGEST_PATCH[fingerprint.dimension]
    patch = [_fitting(min(size, largest)) for size in fingerprint.shape]
    if fingerprint.spacing is None:
        return None, patch
    shrink = [max(1.0, size / largest) if fingerprint.classes else 1.0 for size in fingerprint.shape]
    return [round(step * factor, 3) for step, factor in zip(fingerprint.spacing, shrink, strict=True)], patch


def _fitting(size: int) -> int:
    return max(2 * _PATCH_STEP, math.ceil(size / _PATCH_STEP) * _PATCH_STEP)


def _network(fingerprint: Fingerprint) -> NetworkSpec:
    if fingerprint.classes:
        return NetworkSpec(name="resnet18" if fingerprint.dimension == 2 else "resnet10")
    arguments = {"channels": [16, 32, 64, 128], "strides": [2, 2, 2], "num_res_units": 1, "norm": "INSTANCE"}
    return NetworkSpec(name="UNet", arguments=arguments)


def _field(name: str, value: object) -> str:
    return f"{name}: {_inline(value)}"


def _inline(value: object) -> str:
    """YAML on one line; ``safe_dump`` ends a bare scalar with a document mark of its own."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=math.inf, allow_unicode=True)
    return text.removesuffix("...\n").strip()
