"""Cross-modality adaptation as a job: labelled source images and unlabelled target images in, a checkpoint version out."""

from crosslabel.training.adaptation.comparison import MethodComparison
from crosslabel.training.adaptation.data import AdaptationCases
from crosslabel.training.adaptation.job import AdaptationJob
from crosslabel.training.adaptation.methods import METHODS, Method, method_named, with_method
from crosslabel.training.adaptation.report import REPORT_FILE

__all__ = [
    "METHODS",
    "REPORT_FILE",
    "AdaptationCases",
    "AdaptationJob",
    "Method",
    "MethodComparison",
    "method_named",
    "with_method",
]
