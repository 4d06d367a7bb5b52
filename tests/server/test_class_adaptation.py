"""A classifier adapted to the pictures of another centre on a real server, and then taught by their classes."""

from __future__ import annotations

import json

import pytest
import yaml

from adaptation_watch import state_of, wait_for
from crosslabel.checkpoints import ModelStore
from server_process import serving, unused_port
from two_centres import CLASSES, centres_task, write_centre
from waiting import until

TASK = "two_centres"
STUDIES_OF_A_CLASS = 4
LABELLED = [f"{name}_{number}" for name in CLASSES for number in (0, 1)]


@pytest.fixture(scope="module")
def adapting(tmp_path_factory):
    """A server with pictures of one centre as studies, and those of another in class folders as a source."""
    root = tmp_path_factory.mktemp("adapting")
    learning = {"switch": "off", "new_labels": len(LABELLED), "quiet_seconds": 0.5, "round_epochs": 1}
    task = centres_task(active_learning=learning)
    (root / "tasks").mkdir()
    content = {"schema": 1, **task.model_dump(mode="json", by_alias=True, exclude_defaults=True)}
    (root / "tasks" / f"{TASK}.yaml").write_text(yaml.safe_dump(content))
    (root / "studies").mkdir()
    for picture in write_centre(root / "target", "target", STUDIES_OF_A_CLASS, seed=1).rglob("*.png"):
        picture.rename(root / "studies" / f"{picture.parent.name}_{picture.name}")
    write_centre(root / "home", "source", 10)
    with serving(root, unused_port(), "--source", f"home={root / 'home'}") as server:
        yield server


def test_a_classifier_is_adapted_without_the_classes_of_studies_and_then_learns_from_them(adapting):
    server = adapting
    offered = state_of(server, TASK)
    assert [(source["name"], source["images"]) for source in offered["sources"]] == [("home", 20)]
    assert [method["name"] for method in offered["methods"]][:2] == ["full", "norms"]
    assert "structures" not in {method["name"] for method in offered["methods"]}
    refused = server.post(f"/api/v1/adaptation/{TASK}", json={"method": "structures"})
    assert (refused.status_code, "no method of adaptation" in refused.json()["detail"]) == (400, True)
    for study in LABELLED:
        body = {"class_name": study.split("_")[0]}
        server.post(f"/api/v1/labels/{TASK}/{study}", json=body).raise_for_status()

    server.post(f"/api/v1/adaptation/{TASK}", json={}).raise_for_status()
    done = wait_for(server, TASK, lambda run: run["state"] == "finished")
    assert (done["method"], done["source"], done["started_from"], done["report"]) == ("full", "home", None, True)
    assert "Answers on target images" in server.get(f"/api/v1/adaptation/{TASK}/report").text
    (said,) = server.get(f"/api/v1/versions/{TASK}").json()
    assert said["reason"].startswith("It was adapted on request from 20 labelled source images: ")
    answer = server.infer(TASK, LABELLED[0]).json()
    assert answer["checkpoint"]["name"] == f"{TASK} v1"
    assert {entry["label"] for entry in answer["prediction"]} == set(CLASSES)
    store = ModelStore(server.models)
    (adapted,) = store.versions(centres_task())
    assert len(store.record(adapted)["data"]["target"]) == STUDIES_OF_A_CLASS * len(CLASSES)

    server.post(f"/api/v1/learning/{TASK}/switch", json={"switch": "on"}).raise_for_status()
    until(lambda: len(store.versions(centres_task())) == 2, lambda: json.dumps(server.get(f"/api/v1/learning/{TASK}").json()))
    taught = store.record(max(store.versions(centres_task()), key=lambda version: version.number))
    assert taught["started_from"] == f"{TASK} v1"
    assert (taught["learning"]["new"], taught["learning"]["labels"]) == (len(LABELLED), len(LABELLED))
    assert sorted(taught["data"]["training"]) == sorted(LABELLED)
