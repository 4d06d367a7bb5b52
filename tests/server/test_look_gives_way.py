"""A look at the pool takes long where there are many images: nobody who wants to train waits for it, and what it left or what
came after it is looked at soon."""

from __future__ import annotations

import pytest

from learning_server import TASK, learning_server, submit, wait_for, write_root


def jobs(server):
    return server.get("/train/", params={"all": True}).json()


def by_a_person(server, root):
    answer = server.post(f"/train/{TASK}", json={"max_epochs": 1})
    assert answer.status_code == 200, answer.text


def by_the_loop(server, root):
    submit(server, root, "mr_02").raise_for_status()


@pytest.mark.parametrize("begun", [by_a_person, by_the_loop])
def test_a_training_begins_while_the_model_looks_at_the_pool(tmp_path, free_port, begun):
    root = write_root(tmp_path / "root")
    with learning_server(root, free_port) as server:
        for image in ("mr_00", "mr_01"):
            submit(server, root, image).raise_for_status()
        wait_for(server, "a look at the pool", lambda now: now["state"] == "scoring")
        begun(server, root)
        wait_for(server, "a training", lambda now: now["state"] == "training")
        done = wait_for(server, "the end", lambda now: now["versions"] and now["state"] == "idle")
        looks = [job["status"] for job in jobs(server) if "score_pool" in job["request"]]
        assert looks[0] == "STOPPED"
        # What it left is looked at by the new model.
        assert done["problems"] == {}
        ranked = server.get(f"/api/v1/learning/{TASK}/cases", params={"state": "unlabelled"}).json()
        assert ranked["total"] == done["labels"]["pool"]


def ranked(server, **query):
    cases = server.get(f"/api/v1/learning/{TASK}/cases", params={"state": "unlabelled", "limit": 50, **query}).json()["cases"]
    return [case["id"] for case in cases if case["rank"] is not None]


def test_an_image_that_comes_after_a_look_at_the_pool_is_looked_at_without_a_new_model(tmp_path, free_port):
    root = write_root(tmp_path / "root")
    late = (root / "studies" / "mr_05.nii.gz").read_bytes()
    with learning_server(root, free_port) as server:
        submit(server, root, "mr_00").raise_for_status()
        wait_for(server, "the first look", lambda now: now["state"] == "idle" and len(ranked(server)) == now["labels"]["pool"])
        server.put("/datastore/", params={"image": "mr_50"}, files={"file": ("mr_50.nii.gz", late)}).raise_for_status()
        wait_for(server, "the next look", lambda now: ranked(server, text="mr_50") == ["mr_50"])
