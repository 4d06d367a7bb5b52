"""The app that MONAI Label loads, for ``crosslabel serve`` and ``monailabel start_server --app`` alike.

MONAI Label takes the class in this file that derives directly from its ``MONAILabelApp``.
"""

from crosslabel.server.app import CrossLabelApp

__all__ = ["CrossLabelApp"]
