"""What the report of an adaptation says of how far to trust it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crosslabel.checkpoints import ModelStore
from crosslabel.data import labelled_cases
from crosslabel.training.adaptation import REPORT_FILE, AdaptationCases, AdaptationJob, useless
from two_modalities import adaptation_task, write_domain


@pytest.mark.parametrize("unlabelled", [0, 1, 3])
def test_it_says_whose_labels_taught_and_what_the_epoch_was_chosen_by(tmp_path, unlabelled):
    task = adaptation_task(training={"epochs": 2}, adaptation={"method": "gin"})
    source = labelled_cases(write_domain(tmp_path / "ct", "CT", 2), task)
    target = labelled_cases(write_domain(tmp_path / "mr", "MR", 4, 50), task)
    target = [replace(case, label=None) if number < unlabelled else case for number, case in enumerate(target)]
    store, run = ModelStore(tmp_path / "models"), tmp_path / "run"
    record = store.record(AdaptationJob(task, AdaptationCases(source, target), store, run, device="cpu").run())
    report = (run / REPORT_FILE).read_text(encoding="utf-8")
    assert "Dice, 0 held back" in report
    assert f"Dice, {4 - unlabelled} that taught" in report
    lead = unlabelled < 3
    assert ("The last epoch was kept" in report) is lead
    assert ("no label of theirs was used" in report) is not lead
    assert record["epoch"] == 2 or not lead
    assert record["metrics_on"].startswith("unlabelled target images" if unlabelled else "labelled target images that taught")


def test_an_adaptation_that_came_to_nothing_by_its_own_criterion_is_called_so():
    assert "hardly of use" in useless({"metric": "consistency", "metrics": {"consistency": 0.0}})
    assert not useless({"metric": "consistency", "metrics": {"consistency": 0.2}})
    assert not useless({"metric": "dice", "metrics": {"consistency": 0.0, "dice": 0.5}})
