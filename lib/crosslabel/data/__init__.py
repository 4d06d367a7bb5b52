"""Labelled data sets: their layouts, cases and splits."""

from crosslabel.data.cases import Case
from crosslabel.data.fingerprint import fingerprint_of
from crosslabel.data.layouts import labelled_cases
from crosslabel.data.lists import listed_cases
from crosslabel.data.splits import hold_back
from crosslabel.data.unlabelled import unlabelled_cases, with_labels

__all__ = ["Case", "fingerprint_of", "hold_back", "labelled_cases", "listed_cases", "unlabelled_cases", "with_labels"]
