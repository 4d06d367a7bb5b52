"""Slicer's scene for tests, which are skipped where slicer-core has no wheel."""

from __future__ import annotations

import pytest

pytest.importorskip("slicer", reason="slicer-core has no wheel for this machine, so MRML cannot be tested here")

from slicer_extension.offscreen.mrml import mrml_scene

__all__ = ["mrml_scene"]
