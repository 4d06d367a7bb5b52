"""Adaptation as a job: labelled source images and unlabelled target images in, a checkpoint version out."""

from crosslabel.training.adaptation.class_job import ClassAdaptationJob
from crosslabel.training.adaptation.comparison import MethodComparison
from crosslabel.training.adaptation.data import AdaptationCases
from crosslabel.training.adaptation.job import AdaptationJob
from crosslabel.training.adaptation.methods import CLASS_METHODS, METHODS, Method, method_of, methods_for, with_method
from crosslabel.training.adaptation.report import REPORT_FILE, useless

__all__ = [
    "CLASS_METHODS",
    "METHODS",
    "REPORT_FILE",
    "AdaptationCases",
    "AdaptationJob",
    "ClassAdaptationJob",
    "Method",
    "MethodComparison",
    "method_of",
    "methods_for",
    "useless",
    "with_method",
]
