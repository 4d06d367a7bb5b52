"""An adaptation started, watched, stopped and read about on a real server."""

from __future__ import annotations

import json
import shutil
import time

import nibabel as nib
import numpy as np
import pytest
import yaml
from requests_toolbelt.multipart import decoder

from adaptation_watch import state_of, wait_for
from server_process import serving, unused_port
from two_modalities import adaptation_task, write_domain

TASK = "tiny_segmentation"


@pytest.fixture(scope="module")
def adapting(tmp_path_factory):
    """A server with MR studies, a labelled CT source, and one source folder without labels."""
    root = tmp_path_factory.mktemp("adapting")
    task = adaptation_task(training={"epochs": 6, "steps_per_epoch": 8, "learning_rate": 0.02})
    (root / "tasks").mkdir()
    content = {"schema": 1, **task.model_dump(mode="json", by_alias=True, exclude_defaults=True)}
    (root / "tasks" / f"{TASK}.yaml").write_text(yaml.safe_dump(content))
    write_domain(root / "mr", "MR", 3, 50)
    shutil.copytree(root / "mr" / "imagesTr", root / "studies")
    write_domain(root / "ct", "CT", 4)
    (root / "nothing").mkdir()
    sources = ("--source", f"ct={root / 'ct'}", "--source", f"nothing={root / 'nothing'}")
    with serving(root, unused_port(), *sources) as server:
        yield server


def test_an_adaptation_is_stopped_resumed_watched_and_its_result_served_with_quality_and_report(adapting):
    server = adapting
    offered = state_of(server, TASK)
    assert {source["name"]: source["images"] for source in offered["sources"]} == {"ct": 4, "nothing": 0}
    assert offered["sources"][0]["modality"] == "CT"
    assert str(server.studies.parent) not in json.dumps(offered)
    assert offered["methods"][0]["name"] == "full"
    assert offered["run"] is None
    assert {"adaptation", "uncertainty"} <= set(server.get("/api/v1/capabilities").json()["capabilities"])
    assert server.get(f"/api/v1/adaptation/{TASK}/report").status_code == 404

    begun = server.post(f"/api/v1/adaptation/{TASK}", json={"source": "ct", "method": "gin", "settings": {"epochs": 400}})
    assert begun.ok, begun.text
    wait_for(server, TASK, lambda run: run["progress"] is not None and run["progress"]["epoch"] >= 2)
    refused = server.post(f"/api/v1/adaptation/{TASK}", json={"source": "ct"})
    assert refused.status_code == 409
    assert server.delete(f"/api/v1/adaptation/{TASK}").ok
    stopped = wait_for(server, TASK, lambda run: run["state"] == "cancelled")
    assert (stopped["method"], stopped["source"], stopped["started_from"]) == ("gin", "ct", None)
    assert server.delete(f"/api/v1/adaptation/{TASK}").status_code == 404
    check_resuming(server, stopped["progress"]["epoch"])

    server.post(f"/api/v1/adaptation/{TASK}", json={"source": "ct"}).raise_for_status()
    done = wait_for(server, TASK, lambda run: run["state"] == "finished")
    assert done["report"]
    assert len(done["curves"]["losses"]["dice"]) == 6
    assert done["curves"]["metrics"]["consistency"]
    stats = server.client.info()["train_stats"]["adapt-tiny_segmentation"]
    assert (stats["state"], stats["epoch"]) == ("finished", 6)
    assert stats["curves"] == done["curves"]
    report = server.get(f"/api/v1/adaptation/{TASK}/report")
    assert report.headers["Content-Type"].startswith("text/html")
    assert "Pseudo-labels" in report.text
    assert "data:image/png;base64" in report.text

    several = {"params": '{"augment": true}'}
    answer = server.post(f"/infer/{TASK}", params={"image": "mr_50", "output": "json"}, data=several).json()
    assert answer["checkpoint"]["name"] == "tiny_segmentation v1"
    assert set(answer["quality"]) == {"first", "second"}
    check_uncertainty(server)
    check_going_on(server)


def check_resuming(server, epoch):
    """It goes on with the settings of its start, and says nothing of its old end meanwhile."""
    wait_for(server, TASK, lambda run: not any(job["status"] == "RUNNING" for job in jobs_of(server)))
    # MONAI Label writes when a job was asked for to the second.
    time.sleep(1)
    server.post(f"/api/v1/adaptation/{TASK}", json={"source": "ct", "settings": {"resume": True}}).raise_for_status()
    states = set()

    def further(run):
        states.add(run["state"])
        stats = server.client.info()["train_stats"]["adapt-tiny_segmentation"]
        assert "total_time" not in stats
        return run["progress"] is not None and run["progress"]["epoch"] > epoch

    gone_on = wait_for(server, TASK, further)
    assert states <= {"queued", "preparing", "training"}
    assert gone_on["progress"]["epochs"] == 400
    assert gone_on["method"] == "gin"
    assert server.delete(f"/api/v1/adaptation/{TASK}").ok
    wait_for(server, TASK, lambda run: run["state"] == "cancelled")


def check_going_on(server):
    """The next one begins with what the one before came to, unless fresh weights are wanted."""
    for settings, version in ({}, 1), ({"pretrained": False}, None):
        # Finished or cancelled is what a process says before it ends.
        wait_for(server, TASK, lambda run: not any(job["status"] == "RUNNING" for job in jobs_of(server)))
        wanted = {"source": "ct", "method": "gin", "settings": {"epochs": 400, **settings}}
        begun = server.post(f"/api/v1/adaptation/{TASK}", json=wanted)
        assert begun.ok, begun.text
        run = wait_for(server, TASK, lambda run: run["progress"] is not None and run["progress"]["epoch"] >= 1)
        assert run["started_from"] == version
        assert server.delete(f"/api/v1/adaptation/{TASK}").ok


def jobs_of(server):
    return server.get("/train/", params={"all": True}).json()


def check_uncertainty(server):
    answer = server.post(f"/infer/{TASK}", params={"image": "mr_50", "output": "uncertainty"})
    assert answer.ok, answer.text
    params, image = decoder.MultipartDecoder.from_response(answer).parts
    assert json.loads(params.content)["quality"]
    (server.clients / "map.nii.gz").write_bytes(image.content)
    found, study = nib.load(server.clients / "map.nii.gz"), nib.load(server.studies / "mr_50.nii.gz")
    assert found.shape == study.shape
    np.testing.assert_allclose(found.affine, study.affine, atol=1e-4)
    values = found.get_fdata()
    assert 0 <= values.min() < values.max() <= 1
    # On a CPU one view is the answer unless a request asks for more.
    plain = server.post(f"/infer/{TASK}", params={"image": "mr_50", "output": "json"})
    assert plain.json()["quality"] == {}


@pytest.mark.parametrize(
    ("wanted", "status", "sentence"),
    [
        ({}, 400, "Which source"),
        ({"source": "../ct"}, 404, "no source"),
        ({"source": "nothing"}, 400, "in no known layout"),
        ({"source": "ct", "method": "magic"}, 400, "no method of adaptation"),
        ({"source": "ct", "settings": {"epochs": 0}}, 400, "training.epochs"),
    ],
)
def test_what_cannot_be_adapted_is_refused_at_once_in_one_sentence(adapting, wanted, status, sentence):
    answer = adapting.post(f"/api/v1/adaptation/{TASK}", json=wanted)
    assert answer.status_code == status
    assert sentence in answer.json()["detail"]


def test_a_server_without_sources_says_how_to_get_them(server):
    assert server.get(f"/api/v1/adaptation/{TASK}").json()["sources"] == []
    answer = server.post(f"/api/v1/adaptation/{TASK}", json={})
    assert answer.status_code == 400
    assert "no source domain" in answer.json()["detail"]
