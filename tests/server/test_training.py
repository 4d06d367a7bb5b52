"""Training in a background process of a real server."""

import json

import pytest
import SimpleITK as sitk

from tiny import blobs
from waiting import until

# Long enough to be stopped on a fast machine, short enough to be finished on a slow one.
EPOCHS = 12
LENGTH = {"max_epochs": EPOCHS, "steps_per_epoch": 20}
LABELLED = ("mr_0", "mr_1", "mr_2")


@pytest.fixture(scope="module")
def _labelled(shared_server, tmp_path_factory):
    """Final labels for three volumes, taken away again for other tests."""

    folder = tmp_path_factory.mktemp("labels")
    for seed, name in enumerate(LABELLED):
        label = sitk.GetImageFromArray(blobs(seed)[1].T)
        label.CopyInformation(sitk.ReadImage(str(shared_server.studies / f"{name}.nii.gz")))
        sitk.WriteImage(label, str(folder / f"{name}.nii.gz"))
        shared_server.client.save_label(name, str(folder / f"{name}.nii.gz"), "final", {"task": "tiny_segmentation"})
    yield
    for name in LABELLED:
        shared_server.delete_label(name)


def wait_for(server, condition):
    def met():
        stats = server.client.info()["train_stats"]["tiny_segmentation"]
        assert condition(stats) or stats["state"] != "failed", server.get("/train/").text
        return stats if condition(stats) else None

    return until(met, lambda: f"still {server.get('/train/').text}")


@pytest.mark.usefixtures("_labelled")
def test_a_training_is_watched_stopped_resumed_and_its_version_served_without_a_restart(server):
    before = server.client.infer("tiny_segmentation", "mr_3", {})[1]["checkpoint"]["name"]
    stopped = watch_and_stop(server)
    assert server.client.info()["models"]["tiny_segmentation"]["checkpoint"]["name"] == before
    server.client.train_start("tiny_segmentation", {"resume": True, **LENGTH})
    done = wait_for(server, lambda stats: stats["state"] == "finished")
    assert (done["epoch"], done["total_epochs"]) == (EPOCHS, EPOCHS)
    assert resumed_at(server) == stopped["epoch"]
    after = server.client.infer("tiny_segmentation", "mr_3", {})[1]["checkpoint"]["name"]
    assert int(after.rsplit("v", 1)[1]) == int(before.rsplit("v", 1)[1]) + 1
    assert server.client.info()["models"]["tiny_segmentation"]["checkpoint"]["name"] == after


def resumed_at(server) -> int:
    """The first epoch that the last run reports after it was stopped."""
    run = max((server.models / "tiny_segmentation" / "runs").iterdir())
    events = [json.loads(line) for line in (run / "progress.jsonl").read_text().splitlines()]
    stopped = next(index for index, event in enumerate(events) if event["state"] == "cancelled")
    return next(event["epoch"] for event in events[stopped:] if event["state"] == "training")


def watch_and_stop(server):
    """Start a long training, look at what clients are told, and stop it after its first epoch."""
    job = server.client.train_start("tiny_segmentation", LENGTH)
    assert job["status"] in ("SUBMITTED", "RUNNING")
    refused = server.post("/train/tiny_segmentation", json={})
    assert (refused.status_code, "enqueue" in refused.json()["detail"]) == (409, True)
    running = wait_for(server, lambda stats: stats["epoch"] >= 1)
    assert (running["state"], running["total_epochs"]) == ("training", EPOCHS)
    assert "total_time" not in running
    assert running["eta"] > 0
    assert set(running["losses"]) == {"dice", "focal"}
    assert next(iter(server.client.info()["train_stats"])) == "tiny_segmentation"
    assert server.client.train_status(check_if_running=True)
    assert any("epoch" in line for line in server.client.train_status()["details"])
    assert server.client.train_stop()["status"] == "STOPPED"
    stopped = wait_for(server, lambda stats: "total_time" in stats)
    assert stopped["state"] == "cancelled"
    assert not server.client.train_status(check_if_running=True)
    return stopped


def test_training_without_a_label_for_the_task_is_refused_at_once(server):
    answer = server.post("/train/tiny_classification", json={})
    assert answer.status_code == 400
    assert "final label" in answer.json()["detail"]


@pytest.mark.usefixtures("_labelled")
@pytest.mark.parametrize(("setting", "value"), [("epochs", 0), ("learning_rate", "fast"), ("batch_size", -1)])
def test_a_wrong_setting_is_named(server, setting, value):
    answer = server.post("/train/tiny_segmentation", json={setting: value})
    assert answer.status_code == 400
    assert f"training.{setting}" in answer.json()["detail"]


def test_an_unknown_task_cannot_be_trained(server):
    assert server.post("/train/nothing", json={}).status_code == 404
