from __future__ import annotations

import json

import pytest
from packaging.requirements import Requirement

from crosslabel.cli.diagnosis import Level, check_build_pair, check_requirement


@pytest.fixture
def findings(crosslabel, home):
    def look():
        result = crosslabel("doctor", "--json")
        return result.exit_code, {finding["subject"]: finding for finding in json.loads(result.stdout)}

    return look


def test_a_sound_installation_has_nothing_broken(findings):
    status, found = findings()
    assert {subject for subject, finding in found.items() if finding["level"] == "broken"} == set()
    assert status == 0
    assert found["monailabel"]["found"] == "0.8.5"


def test_a_task_without_checkpoint_is_a_note_with_the_command_that_trains_it(findings):
    _, found = findings()
    assert found["task tiny_segmentation"]["level"] == "note"
    assert found["task tiny_segmentation"]["remedy"] == "crosslabel train tiny_segmentation --images DIR"


def test_a_damaged_checkpoint_is_broken(findings, tmp_path):
    version = tmp_path / "models" / "tiny_segmentation" / "v1"
    version.mkdir(parents=True)
    (version / "weights.pt").write_bytes(b"damaged")
    (version / "version.json").write_text("{}")
    (version.parent / "current.json").write_text('{"version": 1}')

    status, found = findings()

    assert status == 1
    assert found["task tiny_segmentation"]["level"] == "broken"
    assert str(version / "weights.pt") in found["task tiny_segmentation"]["remedy"]


def test_a_wrong_task_file_is_broken_and_the_others_are_still_looked_at(findings, home, tmp_path, monkeypatch):
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    (tasks / "wrong.yaml").write_text("schema: 1\nname: wrong\n")
    good = (home / "tasks" / "tiny_classification.yaml").read_text()
    (tasks / "tiny_classification.yaml").write_text(good)
    monkeypatch.setenv("CROSSLABEL_TASKS", str(tasks))

    status, found = findings()

    assert status == 1
    assert found["task wrong"]["level"] == "broken"
    assert "this field is missing" in found["task wrong"]["found"]
    assert found["task tiny_classification"]["level"] == "note"


@pytest.mark.parametrize(
    ("requirement", "installed", "level", "words"),
    [
        ("numpy>=1.26,<2", "1.26.4", Level.OK, "1.26.4"),
        ("numpy>=1.26,<2", "2.3.0", Level.BROKEN, "MONAI Label 0.8.5 needs numpy below 2"),
        ("pydicom>=2.4.4,<3", "3.0.1", Level.BROKEN, "fails on pydicom 3"),
        ("torch>=2.4", "2.15.0+cu132", Level.OK, "2.15.0"),
        ("typer>=0.12", None, Level.BROKEN, "is not installed"),
    ],
)
def test_a_version_out_of_bounds_is_broken_and_comes_with_the_command_that_mends_it(requirement, installed, level, words):
    finding = check_requirement(Requirement(requirement), installed)

    assert finding.level is level
    assert words in finding.sentence
    assert finding.remedy.startswith("python -m pip install") is (level is Level.BROKEN)


@pytest.mark.parametrize(
    ("torch_version", "torchvision_version", "level"),
    [
        ("2.15.0+cpu", "0.29.2+cu132", Level.BROKEN),
        ("2.15.0", "0.29.2+cpu", Level.BROKEN),
        ("2.15.0+cpu", "0.29.2+cpu", Level.OK),
        ("2.15.0+cu132", "0.29.2", Level.OK),
    ],
)
def test_a_cpu_build_of_torch_beside_a_cuda_build_of_torchvision_is_broken(torch_version, torchvision_version, level):
    assert check_build_pair(torch_version, torchvision_version).level is level


def test_findings_are_printed_one_to_a_line_for_people(crosslabel, home):
    lines = crosslabel("doctor").stdout.splitlines()
    assert all(line.split()[0] in {"ok", "note", "broken"} for line in lines)
    assert any("task tiny_classification" in line for line in lines)
