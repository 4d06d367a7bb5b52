"""CrossLabel: cross-modality segmentation, classification and active learning for medical images."""

__version__ = "0.1.0"
