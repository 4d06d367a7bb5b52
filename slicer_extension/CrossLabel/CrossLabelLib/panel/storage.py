"""Slicer's settings as the core's storage."""

from __future__ import annotations

import json
from typing import Any

import qt

from CrossLabelLib.settings import DEFAULTS

_PREFIX = "CrossLabel/"


class QtStorage:
    """``QSettings`` that holds plain values, so that Slicer's settings dialog can read and write the same ones."""

    def get(self, key: str) -> str | None:
        """The value as JSON."""
        value = qt.QSettings().value(key)
        if value is None:
            return None
        default = DEFAULTS.get(key[len(_PREFIX) :], None)
        # An INI file keeps nothing but text.
        if isinstance(default, bool):
            return json.dumps(str(value).lower() in ("true", "1"))
        if isinstance(default, (int, float)):
            return _number(value, type(default))
        return str(value) if default is None else json.dumps(str(value))

    def set(self, key: str, value: str) -> None:
        plain: Any = value if key[len(_PREFIX) :] not in DEFAULTS else json.loads(value)
        qt.QSettings().setValue(key, plain)


def _number(value: Any, kind: type) -> str | None:
    try:
        return json.dumps(kind(float(value)))
    except (TypeError, ValueError):
        return None
