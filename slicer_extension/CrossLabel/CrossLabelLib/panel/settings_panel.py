"""The page in Slicer's settings dialog."""

from __future__ import annotations

from typing import Any

import ctk
import qt
from slicer.i18n import tr as _

from CrossLabelLib.settings import DEFAULTS


def rows() -> list[tuple[str, str, str]]:
    """(name of the setting, what it is, more about it), in the order of the page."""
    return [
        ("person", _("Your name"), _("Kept with labels where the server asks for no token.")),
        (
            "certificate",
            _("Certificate file"),
            _("Of the authority to trust, where the hospital has its own. Empty: the known ones."),
        ),
        ("remember_tokens", _("Remember tokens"), _("They are kept readable in Slicer's settings.")),
        ("propose_on_load", _("Propose a segmentation when a case is loaded"), ""),
        ("classify_on_load", _("Propose a class when a case is loaded"), ""),
        ("load_patient_images", _("Load the patient's other images too"), _("Such as T1c beside FLAIR.")),
        ("autosave_seconds", _("Seconds between two saves beside the scene"), _("Of a segmentation that is being corrected.")),
        ("autosave_folder", _("Folder of these saves"), _("Empty: .crosslabel/autosave in your home folder.")),
        ("refresh_seconds", _("Seconds between two looks at the server"), _("While it learns or adapts.")),
        ("studies_folder", _("Folder for a server on this machine"), ""),
        ("source_folder", _("Labelled images for such a server"), _("Of another modality or centre, to adapt from.")),
    ]


class SettingsPanel(ctk.ctkSettingsPanel):
    """Edits the settings that the panel reads."""

    def __init__(self) -> None:
        # PythonQt's classes are initialised by their own name.
        ctk.ctkSettingsPanel.__init__(self)
        layout = qt.QFormLayout(self)
        self.editors: dict[str, Any] = {}
        for name, title, hint in rows():
            editor, what, signal = _editor(DEFAULTS[name])
            editor.setObjectName(name)
            editor.setToolTip(hint)
            layout.addRow(title, editor)
            self.registerProperty("CrossLabel/" + name, editor, what, signal)
            self.editors[name] = editor


def _editor(default: Any) -> tuple[Any, str, str]:
    """A widget for a value of this type, its property, and the signal of a change."""
    if isinstance(default, bool):
        box = qt.QCheckBox()
        box.setChecked(default)
        return box, "checked", str(qt.SIGNAL("toggled(bool)"))
    if isinstance(default, int):
        spin = qt.QSpinBox()
        spin.setRange(1, 3600)
        spin.setValue(default)
        return spin, "value", str(qt.SIGNAL("valueChanged(int)"))
    line = qt.QLineEdit()
    line.setText(default)
    return line, "text", str(qt.SIGNAL("textChanged(QString)"))
