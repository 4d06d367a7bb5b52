"""Self-training: a slowly moving teacher labels the target images, and what is believed of it teaches the student."""

from crosslabel.adaptation.self_training.appearance import AppearanceModel
from crosslabel.adaptation.self_training.norm_statistics import estimate_norm_statistics
from crosslabel.adaptation.self_training.pseudo_labels import Beliefs, PseudoLabel, make_pseudo_label
from crosslabel.adaptation.self_training.rounds import PseudoLabelRounds
from crosslabel.adaptation.self_training.volume_prior import VolumePrior

__all__ = [
    "AppearanceModel",
    "Beliefs",
    "PseudoLabel",
    "PseudoLabelRounds",
    "VolumePrior",
    "estimate_norm_statistics",
    "make_pseudo_label",
]
