"""The module as Slicer finds it: description, settings page, self-test, packaging."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path

from PIL import Image as Picture

from slicer_extension import icon, package

_EXTENSION = Path(__file__).parents[3] / "slicer_extension"
_MODULE = _EXTENSION / "CrossLabel"


def test_cmake_installs_every_file_and_nothing_that_is_not_there():
    kept = {path.relative_to(_MODULE) for path in _MODULE.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert sorted(package.listed_files()) == sorted(kept - {Path("CMakeLists.txt")})


def test_the_zip_holds_a_module_that_is_imported_from_it(tmp_path):
    archive = package.pack(tmp_path)
    assert archive.read_bytes() == package.pack(tmp_path / "again").read_bytes()
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(tmp_path / "modules")
    module = tmp_path / "modules" / "CrossLabel"
    assert (module / "LICENSE").exists()
    assert (module / "Resources" / "UI" / "CrossLabel.ui").exists()
    script = f"import sys; sys.path.insert(0, {str(module)!r}); import CrossLabelLib.session; print(CrossLabelLib.__file__)"
    found = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=tmp_path)
    assert str(module) in found.stdout


def test_the_index_entry_fits_its_schema_and_takes_the_repository():
    entry = package.entry("https://git.example/SlicerCrossLabel")
    assert entry["scm_url"] == "https://git.example/SlicerCrossLabel"
    assert entry["category"] == "Active Learning"
    assert entry["$schema"].endswith("slicer-extension-catalog-entry-schema-v1.0.1.json#")
    known = {
        "$schema",
        "category",
        "scm_url",
        "scm_revision",
        "scm_type",
        "build_dependencies",
        "build_subdirectory",
        "enabled",
        "tier",
    }
    assert set(entry) <= known
    assert entry["tier"] in (1, 3, 5)


def test_the_extension_names_its_screenshots_and_they_are_there():
    text = (_EXTENSION / "CMakeLists.txt").read_text("utf-8")
    line = next(line for line in text.splitlines() if "SCREENSHOTURLS" in line)
    names = [url.rstrip('")').rsplit("/main/", 1)[1] for url in line.split() if "/main/" in url]
    assert len(names) >= 3
    for name in names:
        with Picture.open(_EXTENSION / name) as picture:
            assert min(picture.size) > 200


def test_the_icons_are_what_the_script_draws(tmp_path):
    assert (icon.ICONS / "CrossLabel.svg").read_text("utf-8") == icon.svg()
    with Picture.open(icon.ICONS / "CrossLabel.png") as kept:
        assert kept.size == (128, 128)
        assert kept.convert("RGBA").tobytes() == icon.picture().tobytes()


def test_slicer_is_told_what_the_module_is(scene, settings):
    from types import SimpleNamespace

    from CrossLabel import CrossLabel

    parent = SimpleNamespace()
    CrossLabel(parent)
    assert parent.title == "CrossLabel"
    assert parent.categories == ["Active Learning"]
    assert "not a medical device" in parent.acknowledgementText


def test_the_settings_page_and_the_panel_share_their_values(scene, settings, app):
    from CrossLabelLib.panel.settings_panel import SettingsPanel
    from CrossLabelLib.panel.storage import QtStorage
    from CrossLabelLib.settings import Settings

    page = SettingsPanel()
    page.editors["person"].setText("[Anna]")
    page.editors["propose_on_load"].setChecked(False)
    page.editors["autosave_seconds"].setValue(7)
    kept = Settings(QtStorage())
    assert kept.get("person") == "[Anna]"
    assert kept.get("propose_on_load") is False
    assert kept.get("autosave_seconds") == 7
    kept.used("http://ward:8000", "")
    assert Settings(QtStorage()).servers == ["http://ward:8000"]
    kept.set("propose_on_load", True)
    again = SettingsPanel()
    assert again.editors["propose_on_load"].isChecked()


def test_a_setting_that_makes_no_sense_counts_as_never_set(settings):
    from CrossLabelLib.panel.storage import QtStorage
    from CrossLabelLib.settings import Settings

    settings.setValue("CrossLabel/autosave_seconds", "soon")
    assert Settings(QtStorage()).get("autosave_seconds") == 30


def test_the_self_test_that_slicer_runs_passes_on_the_stand_ins(scene, settings):
    from CrossLabel import CrossLabelTest

    CrossLabelTest().runTest()


def test_the_ui_file_names_the_custom_widgets_that_slicer_has():
    tree = ElementTree.parse(_MODULE / "Resources" / "UI" / "CrossLabel.ui")
    custom = {element.text for element in tree.iterfind("customwidgets/customwidget/class")}
    assert custom == {"qMRMLWidget", "qMRMLNodeComboBox", "qMRMLSegmentEditorWidget", "ctkCollapsibleButton"}
    assert json.loads((_EXTENSION / "CrossLabel.json").read_text("utf-8"))["category"] == "Active Learning"
