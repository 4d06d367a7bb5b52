"""Predictions for whole images, in the geometry of the input."""

from crosslabel.inference.augmentation import Intensity, Opinions, View, ask, standard_views
from crosslabel.inference.classification import Classifier
from crosslabel.inference.components import largest_components
from crosslabel.inference.loading import Predictor, answer, fill_network, load_predictor, pick_device
from crosslabel.inference.results import ClassificationResult, Result, SegmentationResult
from crosslabel.inference.segmentation import Segmenter
from crosslabel.inference.window import SlidingWindow

__all__ = [
    "ClassificationResult",
    "Classifier",
    "Intensity",
    "Opinions",
    "Predictor",
    "Result",
    "SegmentationResult",
    "Segmenter",
    "SlidingWindow",
    "View",
    "answer",
    "ask",
    "fill_network",
    "largest_components",
    "load_predictor",
    "pick_device",
    "standard_views",
]
