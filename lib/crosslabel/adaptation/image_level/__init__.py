"""Adaptation of images: source volumes made to look like the target's, or like anything at all."""

from crosslabel.adaptation.image_level.adapter import (
    Chain,
    FittedOtherwiseError,
    ImageAdapter,
    Picture,
    Unchanged,
    Volume,
    Watch,
)
from crosslabel.adaptation.image_level.building import build_adapter
from crosslabel.adaptation.image_level.curves import RandomCurves
from crosslabel.adaptation.image_level.histogram import HistogramMatching
from crosslabel.adaptation.image_level.looks import KnownLooks
from crosslabel.adaptation.image_level.randomisation import GIN
from crosslabel.adaptation.image_level.structures import StructureRandomisation

__all__ = [
    "GIN",
    "Chain",
    "FittedOtherwiseError",
    "HistogramMatching",
    "ImageAdapter",
    "KnownLooks",
    "Picture",
    "RandomCurves",
    "StructureRandomisation",
    "Unchanged",
    "Volume",
    "Watch",
    "build_adapter",
]
