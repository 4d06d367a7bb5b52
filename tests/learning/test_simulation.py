"""The loop with known labels, and what the command writes."""

from __future__ import annotations

import re

import pytest
import yaml
from typer.testing import CliRunner

from crosslabel.cli import app
from crosslabel.data import labelled_cases
from crosslabel.errors import DataError
from crosslabel.learning.simulation import Simulation, split_test
from tiny import classification_task, segmentation_task, write_blobs, write_pictures

SETTINGS = {
    "training": {"epochs": 2, "steps_per_epoch": 3, "learning_rate": 0.02},
    "active_learning": {"round_epochs": 1},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_blobs(tmp_path_factory.mktemp("blobs"), 12)


def write_task(task, folder):
    file = folder / f"{task.name}.yaml"
    content = task.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    file.write_text(yaml.safe_dump({"schema": 1, **content}))
    return file


def simulate(images, task_file, *options):
    return CliRunner().invoke(app, ["simulate", str(task_file), "--images", str(images), "--device", "cpu", *options])


@pytest.fixture
def task():
    return segmentation_task(**SETTINGS)


def test_the_test_set_is_the_same_for_everyone_and_shares_no_case_with_the_pool(folder, task):
    cases = labelled_cases(folder, task)
    pool, test = split_test(cases, 1 / 3)
    assert (len(pool), len(test)) == (8, 4)
    assert split_test(cases[::-1], 1 / 3)[1] == test[::-1]
    with pytest.raises(DataError, match="cannot be split"):
        split_test(cases[:1], 0.5)


@pytest.mark.parametrize("strategy", ["default", "core_set", "bald"])
def test_a_replay_labels_as_many_different_cases_as_the_budgets_say(folder, task, strategy):
    pool, test = split_test(labelled_cases(folder, task), 1 / 3)
    replay = Simulation(task, pool, test, device="cpu").run(strategy, 1, [2, 3, 8])
    picked = [image_id for point in replay.points for image_id in point.picked]
    assert [len(point.picked) for point in replay.points] == [2, 1, 5]
    assert sorted(picked) == sorted(case.id for case in pool)
    assert all(0 <= point.value <= 1 for point in replay.points)


def test_the_same_seed_picks_the_same_and_another_seed_other_cases(folder, task):
    pool, test = split_test(labelled_cases(folder, task), 1 / 3)
    simulation = Simulation(task, pool, test, device="cpu")
    first = [simulation.run("random", seed, [3]).points[0] for seed in (1, 1, 2, 3, 4)]
    assert first[0].picked == first[1].picked
    assert first[0].value == first[1].value
    assert len({point.picked for point in first}) > 1


def test_seed_0_chose_the_test_set_and_is_refused(folder, task):
    simulation = Simulation(task, *split_test(labelled_cases(folder, task), 1 / 3), device="cpu")
    for replay in (lambda: simulation.run("random", 0, [2]), lambda: simulation.full(0)):
        with pytest.raises(DataError, match="use seeds from 1"):
            replay()


def test_budgets_that_shrink_or_exceed_the_pool_are_refused(folder, task):
    pool, test = split_test(labelled_cases(folder, task), 1 / 3)
    for budgets in ([], [3, 2], [0, 2], [99]):
        with pytest.raises(DataError, match="grow from 1 to at most 8"):
            Simulation(task, pool, test, device="cpu").run("random", 1, budgets)


def test_a_classification_is_replayed_too(tmp_path):
    task = classification_task(training={"epochs": 2, "steps_per_epoch": 3, "batch_size": 4})
    pool, test = split_test(labelled_cases(write_pictures(tmp_path, 8), task), 0.25)
    replay = Simulation(task, pool, test, device="cpu").run("entropy", 1, [6, 8])
    assert replay.metric == "balanced accuracy"
    assert [len(point.picked) for point in replay.points] == [6, 2]


def test_labels_of_one_class_wait_for_another_and_count_as_no_model_until_then(tmp_path):
    task = classification_task(training={"epochs": 2, "steps_per_epoch": 3, "batch_size": 4})
    pool, test = split_test(labelled_cases(write_pictures(tmp_path, 4), task), 0.25)
    first, last = Simulation(task, pool, test, device="cpu").run("random", 1, [1, 6]).points
    assert (first.value, first.promoted, first.parts) == (None, False, {})
    assert "at least two classes" in first.obstacle
    assert (last.promoted, last.obstacle) == (True, "")
    assert 0 <= last.value <= 1


def test_labels_that_cannot_be_read_are_set_aside_and_named(tmp_path, task):
    folder = write_blobs(tmp_path, 9)
    pool, test = split_test(labelled_cases(folder, task), 1 / 3)
    for case in (pool[0], test[0]):
        case.label.write_bytes(b"no label")
    simulation = Simulation(task, pool, test, device="cpu")
    assert set(simulation.aside) == {pool[0].id, test[0].id}
    (point,) = simulation.run("random", 1, [5]).points
    assert sorted(point.picked) == sorted(case.id for case in pool[1:])
    report = tmp_path / "simulation.html"
    answer = simulate(folder, write_task(task, tmp_path), "--budget", "2", "--strategy", "random", "--report", str(report))
    assert answer.exit_code == 0, answer.output
    for case in (pool[0], test[0]):
        assert f"set aside: {case.id}: " in answer.output
        assert case.label.name in report.read_text()


def test_what_was_replayed_before_a_failure_is_in_the_report(tmp_path):
    task = classification_task(training={"epochs": 1, "steps_per_epoch": 1, "batch_size": 4})
    folder = write_pictures(tmp_path / "pictures", 6)
    _, test = split_test(labelled_cases(folder, task), 1 / 3)
    tested = {case.image for case in test if case.label == "dark"}
    assert tested
    for picture in sorted((folder / "dark").iterdir()):
        if picture not in tested:
            picture.unlink()
    report = tmp_path / "simulation.html"
    options = ("--test-share", "0.34", "--budget", "1,3", "--strategy", "random", "--full", "--report", str(report))
    answer = simulate(folder, write_task(task, tmp_path), *options)
    assert (answer.exit_code, "at least two classes are needed" in answer.output) == (1, True)
    assert report.read_text().count("no: All") == 2


def test_the_command_compares_strategies_and_writes_a_report(folder, tmp_path):
    file, report = write_task(segmentation_task(**SETTINGS), tmp_path), tmp_path / "simulation.html"
    options = ("--labels", str(folder / "labelsTr"), "--budget", "2,4", "--report", str(report))
    answer = simulate(folder / "imagesTr", file, *options, "--strategy", "random,typiclust", "--seeds", "2")
    assert answer.exit_code == 0, answer.output
    assert set(re.findall(r"seed (\d+):", answer.output)) == {"1", "2"}
    assert "typiclust: area under the budget curve" in answer.stdout
    text = report.read_text()
    for part in ("Budget curves", "Areas under the budget curves", "Pairwise tests", "Cases picked", "data:image/png"):
        assert part in text
    for strategies, said in (("psychic", "no strategy 'psychic'"), (",", "names no strategy")):
        wrong = simulate(folder, file, "--strategy", strategies)
        assert (wrong.exit_code, said in " ".join(wrong.output.split())) == (1, True)


def test_a_single_seed_is_reported_without_interval_and_p(folder, tmp_path, task):
    report = tmp_path / "simulation.html"
    options = ("--strategy", "random,typiclust", "--budget", "3", "--report", str(report))
    assert simulate(folder, write_task(task, tmp_path), *options).exit_code == 0
    text = report.read_text()
    assert "nan" not in re.findall(r"<td[^>]*>([^<]*)</td>", text)
    (row,) = (row for row in re.findall(r"<tr>.*?</tr>", text) if row.startswith("<tr><td>Random</td><td>Typical"))
    assert re.findall(r"<td[^>]*>([^<]*)</td>", row)[3:] == ["–", "–", "–", "1"]


def test_images_with_dots_in_their_names_and_a_sidecar_are_replayed(tmp_path):
    folder = write_blobs(tmp_path / "blobs", 8)
    task = segmentation_task(**SETTINGS)
    for part in ("imagesTr", "labelsTr"):
        for number, path in enumerate(sorted((folder / part).iterdir())):
            path.rename(path.with_name(f"1.2.{number}.nii.gz"))
            if part == "imagesTr":
                (folder / part / f"1.2.{number}.json").write_text('{"Modality": "MR"}')
    pool, test = split_test(labelled_cases(folder, task), 0.25)
    simulation = Simulation(task, pool, test, device="cpu")
    assert simulation.aside == {}
    (point,) = simulation.run("random", 1, [3]).points
    assert len(point.picked) == 3
    assert point.value is not None
