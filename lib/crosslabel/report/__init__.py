"""Reports for people: one HTML file with its pictures inside, that can be mailed, archived and read without a network."""

from crosslabel.report.report import Report, Section

__all__ = ["Report", "Section"]
