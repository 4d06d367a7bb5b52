"""Why a class was answered: maps in the input's grid, their faithfulness, and reports with pictures."""

from crosslabel.explanation.attribution import METHODS, attribute
from crosslabel.explanation.explainer import Explanation, explain
from crosslabel.explanation.faithfulness import Faithfulness, faithfulness

__all__ = ["METHODS", "Explanation", "Faithfulness", "attribute", "explain", "faithfulness"]
