"""A training whose server is killed: it ends, publishes nothing, and never meets a second one."""

import os
import signal

import pytest
import SimpleITK as sitk

from server_process import Server, publish_random_weights, serving, trainers, write_studies, write_tasks
from tiny import blobs
from waiting import until

TASK = "tiny_segmentation"
LONG = {"max_epochs": 400, "steps_per_epoch": 20}


@pytest.fixture
def root(tmp_path):
    write_tasks(tmp_path / "tasks")
    write_studies(tmp_path / "studies")
    publish_random_weights(tmp_path / "models")
    return tmp_path


def label_all(server: Server, folder) -> None:
    for seed in range(3):
        label = sitk.GetImageFromArray(blobs(seed)[1].T)
        label.CopyInformation(sitk.ReadImage(str(server.studies / f"mr_{seed}.nii.gz")))
        sitk.WriteImage(label, str(folder / "label.nii.gz"))
        server.client.save_label(f"mr_{seed}", str(folder / "label.nii.gz"), "final", {"task": TASK})


def progress(server: Server) -> dict:
    return server.client.info()["train_stats"][TASK]


def versions(root) -> list[str]:
    return sorted(path.name for path in (root / "models" / TASK).glob("v*"))


def test_a_trainer_whose_server_was_killed_ends_and_the_next_server_resumes_its_run(root, free_port):
    with serving(root, free_port) as server:
        label_all(server, root)
        server.client.train_start(TASK, LONG)
        until(lambda: progress(server).get("epoch", 0) >= 1, "the first epoch")
        (orphan,) = trainers(root)
        orphan.send_signal(signal.SIGSTOP)  # It is in the middle of a step for as long as the test wants.
        os.kill(server.process, signal.SIGKILL)
    with serving(root, free_port) as server:
        refused = server.post(f"/train/{TASK}", json=LONG)
        assert (refused.status_code, "another process" in refused.json()["detail"]) == (409, True)
        orphan.send_signal(signal.SIGCONT)
        until(lambda: not trainers(root), "the trainer that lost its server")
        stopped = progress(server)
        assert stopped["state"] == "cancelled"
        assert versions(root) == ["v1"]
        server.client.train_start(TASK, {"resume": True, **LONG})
        until(lambda: progress(server)["epoch"] > stopped["epoch"], "an epoch of the resumed run")
        assert len(trainers(root)) == 1
        assert server.client.train_stop()["status"] == "STOPPED"


def test_a_trainer_whose_server_is_killed_before_it_has_begun_ends_as_well(root, free_port):
    with serving(root, free_port) as server:
        label_all(server, root)
        server.client.train_start(TASK, LONG)
        until(lambda: trainers(root), "the process of the trainer")
        os.kill(server.process, signal.SIGKILL)
    until(lambda: not trainers(root), "the trainer that lost its server")
    assert versions(root) == ["v1"]
