"""Reports for people: one HTML file with its pictures inside, that can be mailed, archived and read without a network."""

from crosslabel.report.outlines import Outline, outlined
from crosslabel.report.report import Report, Section

__all__ = ["Outline", "Report", "Section", "outlined"]
