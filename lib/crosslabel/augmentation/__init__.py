"""Random changes of training images."""

from crosslabel.augmentation.basic import basic_augmentation, seeded

__all__ = ["basic_augmentation", "seeded"]
