"""The learning loop: when to train, from what, whether to serve the result, and looking at the pool anew."""

from crosslabel.learning.decision import Action, Decision, Situation, decide
from crosslabel.learning.pool_scan import PoolScanner, ScanReport, scan_name
from crosslabel.learning.promotion import Verdict
from crosslabel.learning.round import LearningRound

__all__ = [
    "Action",
    "Decision",
    "LearningRound",
    "PoolScanner",
    "ScanReport",
    "Situation",
    "Verdict",
    "decide",
    "scan_name",
]
