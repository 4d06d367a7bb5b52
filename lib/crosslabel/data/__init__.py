"""Labelled data sets: their layouts, cases and splits."""

from crosslabel.data.cases import Case
from crosslabel.data.fingerprint import fingerprint_of
from crosslabel.data.layouts import labelled_cases
from crosslabel.data.splits import hold_back

__all__ = ["Case", "fingerprint_of", "hold_back", "labelled_cases"]
