from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

import tiny
from crosslabel.checkpoints import ModelStore
from crosslabel.data import labelled_cases
from crosslabel.errors import CheckpointError, CrossLabelError, DataError, TaskError
from crosslabel.images import read_image
from crosslabel.inference import load_predictor
from crosslabel.tasks.building import network_of
from crosslabel.training import State, TrainingJob, read_progress
from waiting import PATIENCE


@pytest.fixture(scope="module")
def volumes(tmp_path_factory):
    return tiny.write_blobs(tmp_path_factory.mktemp("volumes"), 6)


def longer(**training):
    return tiny.segmentation_task(
        training={"epochs": 4, "steps_per_epoch": 2, "validate_every": 2, "learning_rate": 0.01, **training}
    )


def test_a_job_learns_and_publishes_a_version_that_says_where_it_comes_from(tmp_path, volumes):
    task = tiny.segmentation_task(training={"epochs": 4, "steps_per_epoch": 10, "validate_every": 4, "learning_rate": 0.02})
    store = ModelStore(tmp_path / "models")
    events = []

    version = TrainingJob(
        task, labelled_cases(volumes, task), store, tmp_path / "run", device="cpu", on_event=events.append
    ).run()

    record = store.record(version)
    assert record["metrics"]["dice"] > 0.6
    assert len(record["data"]["training"]) + len(record["data"]["validation"]) == 6
    assert record["data"]["validation"]
    assert record["task"]["name"] == task.name
    assert record["code"]["crosslabel"]
    assert events[0].state is State.PREPARING
    assert [event.epoch for event in events if event.state is State.TRAINING] == [0, 1, 2, 3, 4]
    first, *_, last = (event for event in events if event.state is State.TRAINING and event.losses)
    assert sum(last.losses.values()) < sum(first.losses.values())
    assert first.eta_seconds > 0
    assert events[-1].state is State.FINISHED
    assert read_progress(tmp_path / "run") == events[-1].as_dict()

    result = load_predictor(task, store, "cpu").predict(read_image(volumes / "imagesTr" / "mr_00.nii.gz"))
    truth = np.asarray(nib.load(volumes / "labelsTr" / "mr_00.nii.gz").dataobj)
    assert 2 * ((result.label == 7) & (truth == 7)).sum() / ((result.label == 7).sum() + (truth == 7).sum()) > 0.6


def test_a_classifier_is_trained_by_the_same_loop(tmp_path):
    task = tiny.classification_task(
        training={
            "epochs": 3,
            "steps_per_epoch": 8,
            "batch_size": 6,
            "validate_every": 1,
            "learning_rate": 0.01,
        }
    )
    folder = tiny.write_pictures(tmp_path / "pictures", 10)
    store = ModelStore(tmp_path / "models")

    version = TrainingJob(task, labelled_cases(folder, task), store, tmp_path / "run", device="cpu").run()

    assert store.record(version)["metrics"]["balanced accuracy"] > 0.9
    result = load_predictor(task, store, "cpu").predict(read_image(folder / "dark" / "0.png"))
    assert result.best == "dark"
    assert sum(result.probabilities.values()) == pytest.approx(1)
    assert result.calibrated


def test_a_killed_job_resumes_to_the_weights_of_an_uninterrupted_one(tmp_path, volumes):
    task = longer()
    cases = labelled_cases(volumes, task)
    whole = ModelStore(tmp_path / "whole")
    TrainingJob(task, cases, whole, tmp_path / "run", device="cpu").run()

    killed, broken = tmp_path / "killed", ModelStore(tmp_path / "broken")
    script = Path(__file__).with_name("train_and_die.py")
    arguments = [task.model_dump_json(by_alias=True), volumes, killed, broken.folder, "3"]
    victim = subprocess.run([sys.executable, script, *map(str, arguments)], timeout=PATIENCE)
    assert victim.returncode == -signal.SIGKILL
    assert broken.current(task) is None
    assert read_progress(killed)["epoch"] == 3
    TrainingJob(task, cases, broken, killed, device="cpu").run(resume=True)

    expected, resumed = whole.load(task).state, broken.load(task).state
    for name, tensor in expected.items():
        torch.testing.assert_close(resumed[name], tensor, rtol=1e-4, atol=1e-5)


def test_a_cancelled_job_publishes_nothing_and_can_be_resumed(tmp_path, volumes):
    task = longer()
    store = ModelStore(tmp_path / "models")
    cases = labelled_cases(volumes, task)
    epochs = []
    job = TrainingJob(
        task,
        cases,
        store,
        tmp_path / "run",
        device="cpu",
        on_event=lambda event: epochs.append(event.epoch),
        cancelled=lambda: max(epochs) >= 2,
    )

    assert job.run() is None
    assert read_progress(tmp_path / "run")["state"] == "cancelled"
    assert store.current(task) is None
    # As a process that is killed while it writes leaves it.
    left, others = (tmp_path / "run" / name for name in (".tmp-a1b2c3d4.pt", ".tmp-notes.txt"))
    for file in (left, others):
        file.write_bytes(b"half")
    with pytest.raises(CheckpointError, match="other training settings"):
        TrainingJob(longer(learning_rate=0.5), cases, store, tmp_path / "run", device="cpu").run(resume=True)
    version = TrainingJob(task, cases, store, tmp_path / "run", device="cpu").run(resume=True)
    assert version is not None
    assert not left.exists()
    assert others.exists(), "somebody else's"


def test_a_corrupt_case_among_good_ones_is_set_aside_and_named(tmp_path):
    folder = tiny.write_blobs(tmp_path / "data", 3)
    (folder / "imagesTr" / "mr_01.nii.gz").write_bytes(b"\x1f\x8b broken")
    task = tiny.segmentation_task()
    store = ModelStore(tmp_path / "models")

    version = TrainingJob(task, labelled_cases(folder, task), store, tmp_path / "run", device="cpu").run()

    assert list(store.record(version)["data"]["set_aside"]) == ["mr_01"]
    assert sorted(store.record(version)["data"]["training"]) == ["mr_00", "mr_02"]


def test_a_failure_is_one_sentence_for_who_waits_and_for_who_comes_later(tmp_path):
    folder = tiny.write_pictures(tmp_path / "pictures", 3)
    task = tiny.classification_task()
    cases = [case for case in labelled_cases(folder, task) if case.label == "dark"]
    with pytest.raises(DataError, match="at least two classes are needed"):
        TrainingJob(task, cases, ModelStore(tmp_path / "m"), tmp_path / "run", device="cpu").run()
    progress = json.loads((tmp_path / "run" / "progress.json").read_text())
    assert progress["state"] == "failed"
    assert "at least two classes" in progress["message"]


def test_a_loss_that_explodes_ends_the_job_with_advice(tmp_path, volumes):
    task = longer(learning_rate=1e30)
    with pytest.raises(CrossLabelError, match=r"lower training\.learning_rate"):
        TrainingJob(task, labelled_cases(volumes, task), ModelStore(tmp_path / "m"), tmp_path / "run", device="cpu").run()


def test_no_labelled_case_is_said_before_anything_is_written(tmp_path):
    with pytest.raises(DataError, match="no labelled case to train tiny_segmentation"):
        TrainingJob(tiny.segmentation_task(), [], ModelStore(tmp_path / "m"), tmp_path / "run").run()
    assert not (tmp_path / "m").exists()


def test_a_finished_job_leaves_nothing_to_resume(tmp_path, volumes):
    task = tiny.segmentation_task()
    store = ModelStore(tmp_path / "models")
    TrainingJob(task, labelled_cases(volumes, task), store, tmp_path / "run", device="cpu").run()
    assert not (tmp_path / "run" / "resume.pt").exists()


def test_a_run_that_was_stopped_is_not_gone_on_with_as_another(tmp_path):
    folder = tiny.write_pictures(tmp_path / "pictures", 4)

    def job(changed=None, **settings):
        task = tiny.classification_task(augmentation={"elastic": 0.5} if changed == "settings" else {})
        cases = labelled_cases(folder, task)[1 if changed == "images" else 0 :]
        weights = tmp_path / "weights.pt" if changed == "weights" else None
        store = ModelStore(tmp_path / "models")
        return TrainingJob(task, cases, store, tmp_path / "run", device="cpu", weights=weights, **settings)

    torch.save(network_of(job().task).state_dict(), tmp_path / "weights.pt")
    events = []
    stopped = job(on_event=events.append, cancelled=lambda: events[-1].epoch == 1)
    assert stopped.run() is None
    for changed in ("images", "settings", "weights"):
        with pytest.raises(CheckpointError, match="other images, labels, settings or first weights"):
            job(changed).run(resume=True)
    assert job().run(resume=True) is not None


def test_what_is_wrong_with_the_weights_is_said_before_a_stopped_run_is_given_up(tmp_path, volumes):
    task = tiny.classification_task()
    folder = tiny.write_pictures(tmp_path / "pictures", 4)
    store, events = ModelStore(tmp_path / "models"), []

    def job(**settings):
        return TrainingJob(task, labelled_cases(folder, task), store, tmp_path / "run", device="cpu", **settings)

    assert job(on_event=events.append, cancelled=lambda: events[-1].epoch == 1).run() is None
    (tmp_path / "other.pt").write_bytes(b"no weights")
    with pytest.raises(CheckpointError, match=r"other\.pt"):
        job(weights=tmp_path / "other.pt").run()
    assert job().run(resume=True) is not None
    segmentation = tiny.segmentation_task()
    cases = labelled_cases(volumes, segmentation)
    with pytest.raises(TaskError, match="pretrained weights are for classification"):
        TrainingJob(segmentation, cases, store, tmp_path / "run", device="cpu", weights=tmp_path / "other.pt").run()
