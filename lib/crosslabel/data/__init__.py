"""Labelled data sets: their layouts, cases and splits."""

from crosslabel.data.ahead import read_ahead
from crosslabel.data.cases import Case, given_as
from crosslabel.data.fingerprint import fingerprint_of
from crosslabel.data.layouts import labelled_cases, passed_over
from crosslabel.data.lists import listed_cases
from crosslabel.data.splits import check_split, hold_back, spoken_held_back, stratified_folds
from crosslabel.data.unlabelled import images_of_any_class, unlabelled_cases, with_labels

__all__ = [
    "Case",
    "check_split",
    "fingerprint_of",
    "given_as",
    "hold_back",
    "images_of_any_class",
    "labelled_cases",
    "listed_cases",
    "passed_over",
    "read_ahead",
    "spoken_held_back",
    "stratified_folds",
    "unlabelled_cases",
    "with_labels",
]
