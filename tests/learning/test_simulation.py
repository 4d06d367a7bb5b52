"""The loop with known labels, and what the command writes."""

from __future__ import annotations

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
    replay = Simulation(task, pool, test, device="cpu").run(strategy, 0, [2, 3, 8])
    picked = [image_id for point in replay.points for image_id in point.picked]
    assert [len(point.picked) for point in replay.points] == [2, 1, 5]
    assert sorted(picked) == sorted(case.id for case in pool)
    assert all(0 <= point.value <= 1 for point in replay.points)


def test_the_same_seed_picks_the_same_and_another_seed_other_cases(folder, task):
    pool, test = split_test(labelled_cases(folder, task), 1 / 3)
    simulation = Simulation(task, pool, test, device="cpu")
    first = [simulation.run("random", seed, [3]).points[0] for seed in (0, 0, 1, 2, 3)]
    assert first[0].picked == first[1].picked
    assert first[0].value == first[1].value
    assert len({point.picked for point in first}) > 1


def test_budgets_that_shrink_or_exceed_the_pool_are_refused(folder, task):
    pool, test = split_test(labelled_cases(folder, task), 1 / 3)
    for budgets in ([], [3, 2], [0, 2], [99]):
        with pytest.raises(DataError, match="grow from 1 to at most 8"):
            Simulation(task, pool, test, device="cpu").run("random", 0, budgets)


def test_a_classification_is_replayed_too(tmp_path):
    task = classification_task(training={"epochs": 2, "steps_per_epoch": 3, "batch_size": 4})
    pool, test = split_test(labelled_cases(write_pictures(tmp_path, 8), task), 0.25)
    replay = Simulation(task, pool, test, device="cpu").run("entropy", 0, [6, 8])
    assert replay.metric == "balanced accuracy"
    assert [len(point.picked) for point in replay.points] == [6, 2]


def test_the_command_compares_strategies_and_writes_a_report(folder, tmp_path):
    file = tmp_path / "tiny_segmentation.yaml"
    content = segmentation_task(**SETTINGS).model_dump(mode="json", by_alias=True, exclude_defaults=True)
    file.write_text(yaml.safe_dump({"schema": 1, **content}))
    report = tmp_path / "simulation.html"
    command = ["simulate", str(file), "--images", str(folder / "imagesTr"), "--labels", str(folder / "labelsTr")]
    options = ["--strategy", "random,typiclust", "--seeds", "2", "--budget", "2,4", "--report", str(report), "--device", "cpu"]
    answer = CliRunner().invoke(app, [*command, *options])
    assert answer.exit_code == 0, answer.output
    assert "typiclust: area under the budget curve" in answer.stdout
    text = report.read_text()
    for part in ("Budget curves", "Areas under the budget curves", "Pairwise tests", "Cases picked", "data:image/png"):
        assert part in text
    wrong = CliRunner().invoke(app, [*command, "--strategy", "psychic"])
    assert (wrong.exit_code, "no strategy 'psychic'" in " ".join(wrong.output.split())) == (1, True)
