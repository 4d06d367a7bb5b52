"""Predictions for whole images, in the geometry of the input."""

from crosslabel.inference.classification import Classifier
from crosslabel.inference.loading import Predictor, fill_network, load_predictor, pick_device
from crosslabel.inference.results import ClassificationResult, Result, SegmentationResult
from crosslabel.inference.segmentation import Segmenter, SlidingWindow

__all__ = [
    "ClassificationResult",
    "Classifier",
    "Predictor",
    "Result",
    "SegmentationResult",
    "Segmenter",
    "SlidingWindow",
    "fill_network",
    "load_predictor",
    "pick_device",
]
