"""Which epoch and which method to take when no target image has a label."""

from crosslabel.adaptation.selection.consistency import Consistency, style_views

__all__ = ["Consistency", "style_views"]
