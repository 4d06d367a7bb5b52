"""Random changes of training images."""

from crosslabel.augmentation.basic import basic_augmentation, seeded
from crosslabel.augmentation.history import Augmentation, Change
from crosslabel.augmentation.mixing import Mix, draw_mix, mixed
from crosslabel.augmentation.streams import Stream, stream

__all__ = [
    "Augmentation",
    "Change",
    "Mix",
    "Stream",
    "basic_augmentation",
    "draw_mix",
    "mixed",
    "seeded",
    "stream",
]
