"""Adaptations that were stopped, killed, or finished before."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from crosslabel.checkpoints import ModelStore
from crosslabel.errors import CheckpointError
from crosslabel.training import read_progress, was_stopped
from crosslabel.training.adaptation import AdaptationJob
from two_modalities import adaptation_task
from waiting import PATIENCE


def adapt(task, cases, folder, **settings):
    store = ModelStore(folder / "models")
    return store, AdaptationJob(task, cases, store, folder / "run", device="cpu", **settings).run()


@pytest.mark.parametrize("epoch", ["1", "3"], ids=["before the first pseudo-labels", "between two rounds"])
def test_a_killed_job_resumes_to_the_weights_of_an_uninterrupted_one(tmp_path, cases, domains, epoch):
    task = adaptation_task()
    whole, _ = adapt(task, cases, tmp_path / "whole")

    killed, broken = tmp_path / "killed", ModelStore(tmp_path / "broken")
    script = Path(__file__).with_name("adapt_and_die.py")
    arguments = [task.model_dump_json(by_alias=True), *domains, killed, broken.folder, epoch]
    victim = subprocess.run([sys.executable, script, *map(str, arguments)], timeout=PATIENCE)
    assert victim.returncode == -signal.SIGKILL
    AdaptationJob(task, cases, broken, killed, device="cpu").run(resume=True)

    expected, resumed = whole.load(task).state, broken.load(task).state
    for name, tensor in expected.items():
        torch.testing.assert_close(resumed[name], tensor, rtol=1e-4, atol=1e-5)


def test_a_job_that_is_stopped_while_it_makes_pseudo_labels_can_be_resumed(tmp_path, cases):
    task = adaptation_task()
    events = []

    def cancelled():
        return events[-1].message.startswith("Pseudo-labels, image 1")

    store, version = adapt(task, cases, tmp_path, on_event=events.append, cancelled=cancelled)
    assert version is None
    assert store.current(task) is None
    other = adaptation_task(adaptation={"confidence": 0.9})
    with pytest.raises(CheckpointError, match="other images, labels, settings"):
        AdaptationJob(other, cases, store, tmp_path / "run", device="cpu").run(resume=True)
    resumed = AdaptationJob(task, cases, store, tmp_path / "run", device="cpu").run(resume=True)
    assert store.record(resumed)["epoch"] in (2, 4)


def test_a_finished_run_that_is_resumed_begins_anew_with_pseudo_labels_of_its_own(tmp_path, cases):
    task = adaptation_task()
    store, first = adapt(task, cases, tmp_path)
    made = {file: file.stat().st_mtime_ns for file in (tmp_path / "run" / "pseudo_labels").rglob("round.json")}
    lines = len((tmp_path / "run" / "progress.jsonl").read_text().splitlines())

    second = AdaptationJob(task, cases, store, tmp_path / "run", device="cpu").run(resume=True)

    assert (first.number, second.number) == (1, 2)
    assert {file: file.stat().st_mtime_ns for file in made}.keys() == made.keys()
    assert all(file.stat().st_mtime_ns > before for file, before in made.items())
    assert len((tmp_path / "run" / "progress.jsonl").read_text().splitlines()) == lines
    expected, again = (store.load(task, version).state for version in (first, second))
    for name, tensor in expected.items():
        torch.testing.assert_close(again[name], tensor, rtol=1e-4, atol=1e-5)


def test_a_run_that_died_between_publishing_and_saying_so_is_not_gone_on_with_from_old_pseudo_labels(tmp_path, cases):
    task = adaptation_task()

    def die(event):
        if event.message.startswith("Published"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        adapt(task, cases, tmp_path, on_event=die)
    (tmp_path / "run" / "progress.json").write_text('{"state": "training"}')
    store = ModelStore(tmp_path / "models")
    assert AdaptationJob(task, cases, store, tmp_path / "run", device="cpu").run(resume=True) is not None


def test_a_run_that_was_stopped_before_its_first_epoch_goes_on_with_its_translator_and_its_time(tmp_path, cases):
    translator = {"width": 4, "blocks": 1, "style_steps": 2, "judge_steps": 2, "clusters": 2}
    task = adaptation_task(
        training={"epochs": 1},
        adaptation={"method": "translation", "image_level": {**translator, "epochs": 2, "steps_per_epoch": 2}},
    )
    run = tmp_path / "run"
    store, version = adapt(task, cases, tmp_path, cancelled=lambda: any(run.rglob("facts.json")))
    assert version is None
    assert not (run / "resume.pt").exists()
    assert was_stopped(run)
    (weights,) = run.rglob("translator.pt")
    written, before = weights.stat().st_mtime_ns, read_progress(run)["job_seconds"]

    version = AdaptationJob(task, cases, store, run, device="cpu").run(resume=True)

    assert weights.stat().st_mtime_ns == written
    assert store.record(version)["seconds"] > round(before, 1) > 0
    assert not was_stopped(run)


def test_a_run_that_begins_anew_is_never_gone_on_with_from_what_was_there_before(tmp_path, cases):
    task = adaptation_task()
    epochs = []
    store, _ = adapt(
        task, cases, tmp_path, on_event=lambda event: epochs.append(event.epoch), cancelled=lambda: epochs[-1] >= 1
    )
    assert (tmp_path / "run" / "resume.pt").exists()
    assert AdaptationJob(task, cases, store, tmp_path / "run", device="cpu", cancelled=lambda: True).run() is None
    seen = []
    AdaptationJob(task, cases, store, tmp_path / "run", device="cpu", on_event=seen.append).run(resume=True)
    assert list(dict.fromkeys(event.epoch for event in seen if event.state.value == "training")) == [0, 1, 2, 3, 4]


def test_ctrl_c_leaves_a_run_that_says_that_it_was_stopped_and_can_be_resumed(tmp_path, cases):
    task = adaptation_task(training={"epochs": 2}, adaptation={"method": "gin"})

    def interrupt(event):
        if event.message == "Looking at the target images.":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        adapt(task, cases, tmp_path, on_event=interrupt)
    assert read_progress(tmp_path / "run")["state"] == "cancelled"
    store = ModelStore(tmp_path / "models")
    assert AdaptationJob(task, cases, store, tmp_path / "run", device="cpu").run(resume=True) is not None


def test_a_job_can_be_stopped_while_it_reads_the_images(tmp_path, cases):
    store, version = adapt(adaptation_task(), cases, tmp_path, cancelled=lambda: True)
    assert version is None
    said = read_progress(tmp_path / "run")
    assert said["state"] == "cancelled"
    assert "can be resumed" in said["message"]
    assert store.current(adaptation_task()) is None
