"""A round is killed with its server, or paused: no label is lost, no second trainer starts, and the loop goes on."""

from __future__ import annotations

import json
import os
import random
import signal
import time

import yaml

from crosslabel.server.inference_signal import InferenceSignal
from learning_server import EPOCHS_OF_A_LONG_ROUND, TASK, learning_server, long_rounds, state, submit, wait_for, write_root
from server_process import trainers
from waiting import until

LABELLED = ("mr_00", "mr_01", "mr_02", "mr_03")
OTHER = "tiny_other"


def last_epoch(now):
    return (now["progress"] or {}).get("epoch") or 0


def another_task(root):
    content = yaml.safe_load((root / "tasks" / f"{TASK}.yaml").read_text())
    (root / "tasks" / f"{OTHER}.yaml").write_text(yaml.safe_dump({**content, "name": OTHER}))


def test_a_round_outlives_the_death_of_its_trainer_and_of_its_server(tmp_path, free_port):
    root = write_root(tmp_path / "root")
    long_rounds(root)
    moments = random.Random(0)
    with learning_server(root, free_port) as server:
        versions = [submit(server, root, image).json()["version"] for image in LABELLED]
        wait_for(server, "the first epochs", lambda now: now["state"] == "training" and last_epoch(now) >= 2)
        time.sleep(moments.uniform(0, 0.5))
        (trainer,) = trainers(root)
        trainer.kill()
        until(lambda: trainer not in trainers(root), "the end of the trainer that was killed")
        successors = until(lambda: trainers(root), "the next trainer")
        assert len(successors) == 1
        wait_for(server, "an epoch of the next trainer", lambda now: last_epoch(now) >= 3)
        os.kill(server.process, signal.SIGKILL)
    with learning_server(root, free_port) as server:
        done = wait_for(server, "the version", lambda now: now["versions"] and now["state"] == "idle")
        assert len(trainers(root)) == 0
        assert [version["labels"] for version in done["versions"]] == [len(LABELLED)]
        assert done["labels"]["final"] == len(LABELLED)
        for image, version in zip(LABELLED, versions, strict=True):
            history = server.get("/api/v1/labels", params={"task": TASK, "image": image}).json()
            assert [label["version"] for label in history["labels"]] == [version]
        assert [epoch for epoch, _ in state(server)["curves"]["losses"]["dice"]][-1] == EPOCHS_OF_A_LONG_ROUND


def test_a_paused_round_lets_another_task_learn_and_goes_on_when_the_switch_is_on_again(tmp_path, free_port):
    root = write_root(tmp_path / "root")
    another_task(root)
    long_rounds(root)
    with learning_server(root, free_port) as server:
        for image in LABELLED:
            submit(server, root, image).raise_for_status()
        wait_for(server, "the first epochs", lambda now: now["state"] == "training" and last_epoch(now) >= 2)
        server.post(f"/api/v1/learning/{TASK}/switch", json={"switch": "paused"}).raise_for_status()
        for image in LABELLED:
            submit(server, root, image, OTHER).raise_for_status()
        wait_for(server, "the other task's version", lambda now: now["versions"], task=OTHER)
        paused = state(server)
        assert (paused["state"], paused["versions"]) == ("waiting", [])
        server.post(f"/api/v1/learning/{TASK}/switch", json={"switch": "on"}).raise_for_status()
        wait_for(server, "the version", lambda now: now["versions"])
    (run,) = (root / "models" / TASK / "runs").iterdir()
    events = [json.loads(line) for line in (run / "progress.jsonl").read_text().splitlines()]
    epochs = [event["epoch"] for event in events if event["state"] == "training"]
    assert "cancelled" in [event["state"] for event in events], "the epochs before the pause are still the round's"
    assert epochs == sorted(epochs)
    assert epochs[-1] == EPOCHS_OF_A_LONG_ROUND


def test_what_a_server_that_was_killed_was_inferring_holds_no_training_of_the_next(tmp_path, free_port):
    root = write_root(tmp_path / "root")
    with InferenceSignal(root / "models").raised(), learning_server(root, free_port):
        assert not InferenceSignal(root / "models").is_raised()
