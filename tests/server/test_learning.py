"""The learning loop of a real server: labels in, a served model out, and the next cases by its opinion."""

from __future__ import annotations

import socket
import time

import pytest

from learning_server import IMAGES, TASK, learning_server, state, submit, wait_for, write_root

BASE = f"/api/v1/learning/{TASK}"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_root(tmp_path_factory.mktemp("learning"))


@pytest.fixture(scope="module")
def server(root):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with learning_server(root, port) as running:
        # Nobody waits for the first look at the pool: the tests of the loop switch it on.
        running.post(f"{BASE}/switch", json={"switch": "off"}).raise_for_status()
        yield running


def next_cases(server, count=1, who="anna", **options):
    answer = server.post(f"{BASE}/next", json={"count": count, "client_id": who, **options})
    answer.raise_for_status()
    return answer.json()


def listed(server, **query):
    return server.get(f"{BASE}/cases", params=query).json()


def test_a_batch_is_handed_out_and_nobody_else_gets_any_of_it(server):
    assert "learning" in server.get("/api/v1/capabilities").json()["capabilities"]
    mine, theirs = next_cases(server, 5, "anna"), next_cases(server, 5, "ben")
    ours, others = ([case["id"] for case in batch["cases"]] for batch in (mine, theirs))
    assert len(set(ours) | set(others)) == 10
    assert (mine["left"], theirs["left"]) == (IMAGES, IMAGES - 5)
    assert {case["id"] for case in next_cases(server, 12, "carla")["cases"]}.isdisjoint({*ours, *others})
    assert listed(server, state="leased")["total"] == 12
    for who in ("anna", "ben", "carla"):
        for case in listed(server, state="leased", limit=50)["cases"]:
            if case["author"] == who:
                answer = server.post(f"{BASE}/release", json={"image": case["id"], "client_id": who})
                assert answer.json() == {"released": True}
    assert listed(server, state="unlabelled")["total"] == IMAGES


def test_every_case_comes_with_a_reason(server):
    case = next_cases(server)["cases"][0]
    why = case["why"]
    assert set(why) == {"score", "rank", "of", "sentence", "strategy", "checkpoint"}
    assert "at random" in why["sentence"]
    stock = server.post("/activelearning/random", json={"task": TASK, "client_id": "anna"}).json()
    assert (stock["why"]["strategy"], stock["task"]) == ("random", TASK)
    for image in (case["id"], stock["id"]):
        server.post(f"{BASE}/release", json={"image": image, "client_id": "anna"})


def test_pinned_cases_come_first_and_skipped_ones_not_at_all(server):
    server.post(f"{BASE}/pin", json={"image": "mr_07"}).raise_for_status()
    first = next_cases(server, who="dora")["cases"][0]
    assert (first["id"], "pinned" in first["why"]["sentence"]) == ("mr_07", True)
    server.post(f"{BASE}/skip", json={"image": "mr_07", "reason": "cut off"}).raise_for_status()
    batch = next_cases(server, 12, who="dora")
    assert "mr_07" not in [case["id"] for case in batch["cases"]]
    assert listed(server, text="mr_07")["cases"][0]["state"] == "skipped"
    server.post(f"{BASE}/pin", json={"image": "mr_07", "pinned": False}).raise_for_status()
    for case in batch["cases"]:
        server.post(f"{BASE}/release", json={"image": case["id"], "client_id": "dora"})


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/next", {"count": 0}, 422),
        ("/next", {"count": 51}, 422),
        ("/next", {"strategy": "psychic"}, 404),
        ("/skip", {"image": "nothing"}, 404),
        ("/pin", {"image": "../x"}, 404),
        ("/release", {"image": "nothing"}, 404),
        ("/switch", {"switch": "sideways"}, 422),
    ],
)
def test_what_makes_no_sense_is_a_4xx(server, path, body, status):
    assert server.post(f"{BASE}{path}", json=body).status_code == status
    assert server.get("/api/v1/learning/nothing").status_code == 404
    assert server.get(f"{BASE}/cases?offset=-1").status_code == 422


def test_labels_become_a_served_model_and_its_opinion_orders_the_pool(server, root):
    assert state(server)["advice"].startswith("No model has learnt")
    assert server.infer(TASK, "mr_05").status_code == 409
    for image in ("mr_00", "mr_01", "mr_02"):
        assert submit(server, root, image).ok
    time.sleep(2)
    off = state(server)
    assert (off["state"], off["versions"], off["labels"]["since_last_training"]) == ("idle", [], 3)
    server.post(f"{BASE}/switch", json={"switch": "on"}).raise_for_status()
    seen = wait_for(server, "a training", lambda now: now["state"] == "training")
    assert (seen["switch"], seen["labels"]["final"], seen["labels"]["pool"]) == ("on", 3, IMAGES - 3)
    done = wait_for(server, "a scored pool", lambda now: now["state"] == "idle" and now["versions"])
    (version,) = done["versions"]
    assert (version["number"], version["active"], version["promoted"], version["labels"]) == (1, True, True, 3)
    assert version["metric_on"].startswith("label-free")
    assert [epoch for epoch, _ in done["curves"]["losses"]["dice"]] == [1, 2]
    assert (done["labels"]["since_last_training"], done["problems"]) == (0, {})
    assert server.infer(TASK, "mr_05").status_code == 200
    case = next_cases(server, strategy="entropy")["cases"][0]
    assert (case["why"]["rank"], case["why"]["checkpoint"]) == (1, f"{TASK} v1")
    assert "less sure" in case["why"]["sentence"]
    assert server.get("/train/").json()["status"] == "DONE"


def test_a_second_round_goes_on_and_a_version_can_be_rolled_back(server, root):
    for image in ("mr_03", "mr_04", "mr_05"):
        assert submit(server, root, image).ok
    done = wait_for(server, "a second version", lambda now: now["state"] == "idle" and len(now["versions"]) == 2)
    first, second = server.get(f"/api/v1/versions/{TASK}").json()
    assert done["versions"] == [first, second]
    assert second["labels"] == 6
    served = 2 if second["promoted"] else 1
    assert [version["active"] for version in (first, second)] == [served == 1, served == 2]
    assert server.post(f"/api/v1/versions/{TASK}/1/activate").json()["name"] == f"{TASK} v1"
    answer = server.client.infer(TASK, "mr_06", {})[1]["checkpoint"]["name"]
    assert answer == f"{TASK} v1"
    assert server.post(f"/api/v1/versions/{TASK}/99/activate").status_code == 404
    server.post(f"/api/v1/versions/{TASK}/{served}/activate").raise_for_status()


def test_all_labelled_is_said_and_a_label_can_be_revised(server, root):
    server.post(f"{BASE}/switch", json={"switch": "off"}).raise_for_status()
    for number in range(IMAGES):
        assert submit(server, root, f"mr_{number:02d}").ok
    assert next_cases(server) == {"cases": [], "left": 0}
    now = state(server)
    assert (now["labels"]["pool"], "Every image is labelled" in now["advice"]) == (0, True)
    case = listed(server, text="mr_03")["cases"][0]
    assert (case["state"], case["author"]) == ("labelled", "anna")
    assert submit(server, root, "mr_03").json()["version"] == 3
