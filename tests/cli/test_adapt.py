from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
import yaml

from crosslabel.training import read_progress
from two_centres import centres_task, write_centre
from two_modalities import adaptation_task, write_domain
from waiting import PATIENCE, until


@pytest.fixture
def folders(home, tmp_path, monkeypatch):
    task = adaptation_task(training={"epochs": 2})
    (tmp_path / "tasks").mkdir()
    content = {"schema": 1, **task.model_dump(mode="json", by_alias=True, exclude_defaults=True)}
    (tmp_path / "tasks" / f"{task.name}.yaml").write_text(yaml.safe_dump(content))
    monkeypatch.setenv("CROSSLABEL_TASKS", str(tmp_path / "tasks"))
    return write_domain(tmp_path / "ct", "CT", 2), write_domain(tmp_path / "mr", "MR", 2, 50)


def adapt(crosslabel, folders, out, *more):
    source, target = folders
    return crosslabel(
        "adapt", "tiny_segmentation", "--source", source, "--target", target, "--out", out, "--device", "cpu", *more
    )


def test_an_adaptation_is_served_reported_and_predicts_with_quality(crosslabel, folders, tmp_path):
    result = adapt(crosslabel, folders, tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    assert "tiny_segmentation v1 is served from now on" in result.stdout
    assert "no label of theirs was used" in result.stdout
    assert "2 labelled source cases, 2 target images, 0 of them labelled" in result.stderr
    report = (tmp_path / "out" / "report.html").read_text()
    assert "How far to trust it" in report
    assert "Pseudo-labels" in report
    assert "<script" not in report

    where = ("--images", folders[1] / "imagesTr", "--out", tmp_path / "labels")
    predicted = crosslabel("predict", "tiny_segmentation", *where, "--augment", "--json")
    assert predicted.exit_code == 0, predicted.stderr
    answer = json.loads(predicted.stdout)["predictions"]["mr_50"]
    assert set(answer["quality"]) == {"first", "second"}
    assert (tmp_path / "labels" / answer["uncertainty"]).is_file()


def test_labels_of_the_target_and_another_method_are_taken(crosslabel, folders, tmp_path):
    result = adapt(crosslabel, folders, tmp_path / "out", "--target-labels", folders[1], "--method", "gin", "--epochs", 1)
    assert result.exit_code == 0, result.stderr
    (record,) = (tmp_path / "models" / "tiny_segmentation").glob("v1/version.json")
    content = json.loads(record.read_text())
    assert content["data"]["target_labelled"] == ["mr_50", "mr_51"]
    assert content["method"]["name"] == "gin"
    assert content["task"]["training"]["epochs"] == 1


def test_an_adaptation_begins_with_what_is_served_if_asked_to(crosslabel, folders, tmp_path):
    refused = adapt(crosslabel, folders, tmp_path / "out", "--from-served")
    assert refused.exit_code == 1
    assert "No trained model of tiny_segmentation is served yet; leave --from-served out." in refused.stderr
    for more in ((), ("--from-served", "--target-labels", folders[1])):
        result = adapt(crosslabel, folders, tmp_path / "out", "--method", "gin", "--epochs", 1, *more)
        assert result.exit_code == 0, result.stderr
        assert "--from-served goes on" not in result.stderr
        report = (tmp_path / "out" / "report.html").read_text()
        assert ("tiny_segmentation v1" if more else "fresh weights") in report
    first, second = (tmp_path / "models" / "tiny_segmentation" / number / "version.json" for number in ("v1", "v2"))
    assert json.loads(first.read_text())["started_from"] is None
    assert json.loads(second.read_text())["started_from"] == "tiny_segmentation v1"
    reminded = adapt(crosslabel, folders, tmp_path / "out", "--method", "gin", "--epochs", 1, "--target-labels", folders[1])
    assert "--from-served goes on from what is served" in reminded.stderr


def test_nothing_to_resume_is_said_and_an_unknown_method_refused(crosslabel, folders, tmp_path):
    started = adapt(crosslabel, folders, tmp_path / "out", "--resume", "--epochs", 1)
    assert "No run was stopped here" in started.stderr
    refused = adapt(crosslabel, folders, tmp_path / "out", "--method", "magic")
    assert refused.exit_code == 1
    assert "no method of adaptation 'magic'" in refused.stderr


def test_a_finished_run_is_not_resumed_and_a_file_is_no_place_for_one(crosslabel, folders, tmp_path):
    for version in (1, 2):
        result = adapt(crosslabel, folders, tmp_path / "out", "--resume", "--epochs", 1, "--method", "gin")
        assert "No run was stopped here" in result.stderr
        assert f"tiny_segmentation v{version} is served" in result.stdout
    (tmp_path / "notes").write_text("mine")
    refused = adapt(crosslabel, folders, tmp_path / "notes")
    assert refused.exit_code == 1
    assert "notes is a file or lies below one; give another" in refused.stderr
    assert "Unexpected" not in refused.stderr


def test_of_several_methods_the_one_with_the_highest_consistency_is_served(crosslabel, folders, tmp_path):
    result = adapt(crosslabel, folders, tmp_path / "out", "--method", "gin,source_only")
    assert result.exit_code == 0, result.stderr
    results = json.loads((tmp_path / "out" / "methods.json").read_text())["methods"]
    assert set(results) == {"gin", "source_only"}
    best = max(results.values(), key=lambda one: one["value"])
    assert f"tiny_segmentation v{best['version']} is served from now on" in result.stdout
    (winner,) = [name for name, one in results.items() if one == best]
    assert str(tmp_path / "out" / winner / "report.html") in result.stdout
    current = json.loads((tmp_path / "models" / "tiny_segmentation" / "current.json").read_text())
    assert current["version"] == best["version"]
    again = adapt(crosslabel, folders, tmp_path / "out", "--method", "gin,source_only", "--resume")
    assert f"tiny_segmentation v{best['version']} is served" in again.stdout
    assert json.loads((tmp_path / "out" / "methods.json").read_text())["methods"] == results

    other = write_domain(tmp_path / "other", "MR", 2, 70)
    refused = adapt(crosslabel, (folders[0], other / "imagesTr"), tmp_path / "out", "--method", "gin,source_only", "--resume")
    assert refused.exit_code == 1
    assert "were trained on other images, labels or settings" in refused.stderr


@pytest.mark.parametrize("methods", ["", "gin,", "gin,gin"])
def test_a_list_of_methods_with_holes_or_one_twice_is_refused(crosslabel, folders, tmp_path, methods):
    refused = adapt(crosslabel, folders, tmp_path / "out", "--method", methods)
    assert refused.exit_code == 1
    assert f"--method '{methods}' is no list of different methods" in refused.stderr
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_used_is_said_before_the_training_and_why_it_failed_once(crosslabel, folders, tmp_path):
    source, target = folders
    (source / "labelsTr" / "ct_00.nii.gz").write_bytes(b"\x1f\x8b broken")
    (target / "labelsTr" / "mr_50.nii.gz").write_bytes(b"\x1f\x8b broken")
    shutil.copy(target / "labelsTr" / "mr_51.nii.gz", target / "labelsTr" / "of_nobody.nii.gz")

    done = adapt(crosslabel, folders, tmp_path / "out", "--epochs", 1, "--method", "gin", "--target-labels", target)
    assert done.exit_code == 0, done.stderr
    assert "the label of_nobody.nii.gz is called like no target image" in done.stderr
    said, trained = done.stderr.index("set aside: source: ct_00: "), done.stderr.index("training 1/1")
    assert said < trained
    assert done.stderr.count("set aside: label of target: mr_50: ") == 1

    for label in (source / "labelsTr").iterdir():
        label.write_bytes(b"\x1f\x8b broken")
    failed = adapt(crosslabel, folders, tmp_path / "out", "--epochs", 1)
    assert failed.exit_code == 1
    assert failed.stderr.count("None of the 2 cases can be used") == 1


def test_an_adaptation_that_a_batch_system_ends_can_be_resumed(folders, tmp_path):
    source, target = folders
    where = ["--source", source, "--target", target, "--out", tmp_path / "out", "--device", "cpu", "--epochs", 500]
    command = [sys.executable, "-c", "from crosslabel.cli import app; app()", "adapt", "tiny_segmentation", *map(str, where)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    until(lambda: (read_progress(tmp_path / "out") or {}).get("epoch", 0) >= 1)
    process.terminate()
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "the same command with --resume goes on" in said
    assert read_progress(tmp_path / "out")["state"] == "cancelled"


def test_a_target_without_images_is_refused_in_one_line(crosslabel, folders, tmp_path):
    (tmp_path / "empty").mkdir()
    result = adapt(crosslabel, (folders[0], tmp_path / "empty"), tmp_path / "out")
    assert result.exit_code == 1
    assert "No image was found" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_classifier_is_adapted_to_another_centre(crosslabel, home, tmp_path, monkeypatch):
    task = centres_task(training={"epochs": 1, "steps_per_epoch": 2, "batch_size": 4})
    (tmp_path / "tasks").mkdir()
    content = {"schema": 1, **task.model_dump(mode="json", by_alias=True, exclude_defaults=True)}
    (tmp_path / "tasks" / f"{task.name}.yaml").write_text(yaml.safe_dump(content))
    monkeypatch.setenv("CROSSLABEL_TASKS", str(tmp_path / "tasks"))
    source, target = write_centre(tmp_path / "a", "source", 6), write_centre(tmp_path / "b", "target", 4)
    where = ("adapt", task.name, "--source", source, "--out", tmp_path / "run", "--device", "cpu", "--target")

    refused = crosslabel(*where, target, "--method", "gin,full")
    assert refused.exit_code == 1
    assert "cannot be compared; give one --method" in refused.stderr
    refused = crosslabel(*where, target, "--target-labels", target)
    assert refused.exit_code == 1
    assert "--target-labels is for segmentations" in refused.stderr

    # Of class folders the images alone are taken; a folder of images will do as well.
    for images in (target, target / "plain"):
        done = crosslabel(*where, images)
        assert done.exit_code == 0, done.stderr
        assert f"12 labelled source cases, {8 if images == target else 4} target images" in done.stderr
        assert "on held-back source images" in done.stdout
    answered = crosslabel("evaluate", task.name, "--images", target, "--json", tmp_path / "numbers.json")
    assert answered.exit_code == 0, answered.stderr
