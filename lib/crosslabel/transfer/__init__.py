"""Learning from what was learnt elsewhere: fine-tuning policies, truncation, classical heads, class imbalance."""

from crosslabel.transfer.classical import fit_classical_head
from crosslabel.transfer.costs import Costs, costs_of
from crosslabel.transfer.imbalance import ClassLoss, class_probabilities
from crosslabel.transfer.policies import Policy, policy_of
from crosslabel.transfer.truncation import CutResult, TruncationSearch

__all__ = [
    "ClassLoss",
    "Costs",
    "CutResult",
    "Policy",
    "TruncationSearch",
    "class_probabilities",
    "costs_of",
    "fit_classical_head",
    "policy_of",
]
