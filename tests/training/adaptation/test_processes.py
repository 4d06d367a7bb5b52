"""Two processes do together what one does alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from crosslabel.checkpoints import ModelStore
from crosslabel.errors import CrossLabelError
from crosslabel.optimisation import processes, read_curves
from crosslabel.training.adaptation import AdaptationJob
from two_modalities import adaptation_task
from waiting import PATIENCE


def test_two_processes_have_the_losses_and_weights_of_one(tmp_path, cases, domains):
    task = adaptation_task(training={"accumulate": 2, "epochs": 3})
    alone = ModelStore(tmp_path / "alone")
    AdaptationJob(task, cases, alone, tmp_path / "run_alone", device="cpu").run()

    script = Path(__file__).with_name("adapt_together.py")
    arguments = [task.model_dump_json(by_alias=True), *domains, tmp_path / "run_together", tmp_path / "together"]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", script]
    done = subprocess.run([*map(str, [*launcher, *arguments])], timeout=PATIENCE, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]

    one, two = read_curves(tmp_path / "run_alone"), read_curves(tmp_path / "run_together")
    assert [epoch for epoch, _ in two["losses"]["dice"]] == [1, 2, 3]
    for name, pairs in one["losses"].items():
        assert dict(two["losses"][name]) == pytest.approx(dict(pairs), rel=1e-4)
    (version,) = ModelStore(tmp_path / "together").versions(task)
    assert ModelStore(tmp_path / "together").record(version)["processes"] == 2
    for name, tensor in alone.load(task).state.items():
        torch.testing.assert_close(ModelStore(tmp_path / "together").load(task).state[name], tensor, rtol=1e-3, atol=1e-4)


def test_batches_that_cannot_be_shared_out_are_refused_once_before_a_translator_is_trained(tmp_path, domains, monkeypatch):
    task = adaptation_task(training={"accumulate": 3}, adaptation={"method": "translation"})
    (tmp_path / "tasks").mkdir()
    content = task.model_dump(mode="json", by_alias=True)
    (tmp_path / "tasks" / f"{task.name}.yaml").write_text(yaml.safe_dump(content))
    monkeypatch.setenv("CROSSLABEL_TASKS", str(tmp_path / "tasks"))
    monkeypatch.setenv("CROSSLABEL_MODELS", str(tmp_path / "models"))
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = Path(__file__).with_name("command_line.py")
    source, target = domains
    arguments = ["adapt", task.name, "--source", source, "--target", target, "--out", tmp_path / "run", "--device", "cpu"]
    done = subprocess.run([*map(str, [*launcher, command, *arguments])], timeout=PATIENCE, capture_output=True, text=True)
    assert done.returncode != 0
    assert done.stderr.count("2 processes cannot share 3 batches of a step evenly") == 1
    assert not (tmp_path / "run").exists()


def test_a_process_alone_is_the_first_of_one():
    with processes.process_group() as device:
        assert device is None
        assert (processes.rank(), processes.count()) == (0, 1)
        assert processes.mean(0.25) == 0.25
        assert processes.anyone(True)


def test_batches_that_cannot_be_shared_out_are_refused(monkeypatch):
    monkeypatch.setattr(processes, "count", lambda: 2)
    with pytest.raises(CrossLabelError, match="accumulate: 2"):
        processes.check_share(3)
