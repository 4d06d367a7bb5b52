"""The same with the other backbones, at the published size."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from benchmarks.classes import FULL
from benchmarks.tables.classification_policies import TABLE as SHORT_TABLE
from benchmarks.tables.classification_policies import measure_by, rows_of

_BACKBONES = {
    "VGG-16": "torchvision.vgg16",
    "ResNet-18": "torchvision.resnet18",
    "ResNet-50": "torchvision.resnet50",
    "Inception v3": "torchvision.inception_v3",
    "GoogLeNet": "torchvision.googlenet",
    "DenseNet-121": "torchvision.densenet121",
}

TABLE = replace(
    SHORT_TABLE,
    name="classification_policies_full",
    rows=rows_of(_BACKBONES),
    seeds=tuple(range(5)),
    measure=partial(measure_by, FULL, _BACKBONES),
    note="As classification_policies, with six backbones at 224 px, at most 60 epochs of 30 steps of 32 images and all five "
    "folds: for a machine with a GPU (--minutes 60).",
)
