from __future__ import annotations

import yaml


def test_a_drafted_task_passes_the_check_and_names_the_next_steps(crosslabel, home, tmp_path):
    drafted = crosslabel("task", "new", "two_blobs", "--data", home / "volumes")

    assert drafted.exit_code == 0, drafted.stderr
    assert "crosslabel task check two_blobs.yaml" in drafted.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["two_blobs.yaml"]
    checked = crosslabel("task", "check", "two_blobs.yaml")
    assert checked.exit_code == 0, checked.stderr
    assert "two_blobs is a valid task: 3-D segmentation of structure 2, structure 7" in checked.stdout


def test_a_draft_never_overwrites_a_file(crosslabel, home, tmp_path):
    (tmp_path / "mine.yaml").write_text("precious")
    result = crosslabel("task", "new", "mine", "--data", home / "volumes")
    assert result.exit_code == 1
    assert "exists already" in result.stderr
    assert (tmp_path / "mine.yaml").read_text() == "precious"


def test_a_draft_under_a_wrong_name_leaves_no_file(crosslabel, home, tmp_path):
    result = crosslabel("task", "new", "My-Task", "--data", home / "volumes")
    assert result.exit_code == 1
    assert "name: 'My-Task' is wrong" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_draft_asks_for_the_modality_that_pictures_do_not_say(crosslabel, home):
    asked = crosslabel("task", "new", "brightness", "--data", home / "pictures")
    assert asked.exit_code == 1
    assert "give --modality" in asked.stderr

    answered = crosslabel("task", "new", "brightness", "--data", home / "pictures", "--modality", "XR")
    assert answered.exit_code == 0, answered.stderr


def test_the_check_finds_a_network_that_does_not_exist(crosslabel, home, tmp_path):
    content = yaml.safe_load((home / "tasks" / "tiny_segmentation.yaml").read_text())
    content["network"] = {"name": "UNett"}
    (tmp_path / "tiny_segmentation.yaml").write_text(yaml.safe_dump(content))

    result = crosslabel("task", "check", "tiny_segmentation.yaml")

    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert "UNett" in line


def test_the_check_says_whether_there_is_a_checkpoint(crosslabel, home):
    assert "no checkpoint yet" in crosslabel("task", "check", "tiny_segmentation").stdout
