"""The ``crosslabel`` command."""

from crosslabel.cli.main import app

__all__ = ["app"]
