"""How well label maps agree: Dice, ASSD and HD95, for one structure, one case and a folder of cases."""

from crosslabel.evaluation.agreement import Agreement, Presence, measure_agreement
from crosslabel.evaluation.evaluation import CaseScores, Evaluation, LabelSummary
from crosslabel.evaluation.folders import evaluate_folder

__all__ = [
    "Agreement",
    "CaseScores",
    "Evaluation",
    "LabelSummary",
    "Presence",
    "evaluate_folder",
    "measure_agreement",
]
