"""How well label maps agree (Dice, ASSD, HD95), and how well classes are told apart."""

from crosslabel.evaluation.agreement import Agreement, Presence, measure_agreement
from crosslabel.evaluation.calibration import expected_calibration_error, reliability
from crosslabel.evaluation.classes import Answers, ClassEvaluation, evaluate_classes
from crosslabel.evaluation.evaluation import CaseScores, Evaluation, LabelSummary
from crosslabel.evaluation.folders import evaluate_folder

__all__ = [
    "Agreement",
    "Answers",
    "CaseScores",
    "ClassEvaluation",
    "Evaluation",
    "LabelSummary",
    "Presence",
    "evaluate_classes",
    "evaluate_folder",
    "expected_calibration_error",
    "measure_agreement",
    "reliability",
]
