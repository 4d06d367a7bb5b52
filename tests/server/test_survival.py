"""A server that finds MONAI Label's folder, is killed while it saves, and starts again with everything."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
import time

import pytest
import requests
import SimpleITK as sitk
from monailabel.datastore.local import LocalDatastore

from server_process import Server, publish_random_weights, serving, write_series, write_studies, write_tasks
from waiting import until

TASK = "tiny_segmentation"
CLASSES = "tiny_classification"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Studies in subfolders, among them a DICOM series, and a final label that MONAI Label saved."""
    root = tmp_path_factory.mktemp("survival")
    write_tasks(root / "tasks")
    publish_random_weights(root / "models")
    studies = write_studies(root / "studies")
    (studies / "site" / "p1").mkdir(parents=True)
    shutil.copy(studies / "mr_0.nii.gz", studies / "site" / "p1" / "mr.nii.gz")
    write_series(studies / "site" / "p2", "MR")
    stock = LocalDatastore(str(studies), auto_reload=False)
    stock.save_label("mr_0", str(blank_label(studies / "mr_0.nii.gz", root)), "final", {"task": TASK})
    return root


def blank_label(image, folder):
    volume = sitk.ReadImage(str(image))
    path = folder / "blank.nii.gz"
    sitk.WriteImage(sitk.Cast(volume * 0, sitk.sitkUInt8), str(path))
    return path


def test_nothing_that_was_acknowledged_is_lost_when_the_server_is_killed_while_it_saves(root, free_port):
    acknowledged: dict[int, str] = {}
    with serving(root, free_port, "--tasks", f"{TASK},{CLASSES}") as server:
        check_what_was_found(server, root)
        save_until_killed(server, root, acknowledged)
    with serving(root, free_port, "--tasks", f"{TASK},{CLASSES}") as server:
        check_nothing_is_lost(server, acknowledged)
        save_until_killed(server, root, acknowledged)
    with serving(root, free_port, "--tasks", f"{TASK},{CLASSES}") as server:
        check_nothing_is_lost(server, acknowledged)
    check_export(root / "studies")


def check_what_was_found(server: Server, root) -> None:
    images = {image["id"]: image for image in server.get("/api/v1/images").json()}
    assert {"site/p1/mr", "site/p2", "mr_series"} <= set(images)
    assert images["site/p2"]["modality"] == "MR"
    archive = server.get("/datastore/image?image=site/p2")
    assert archive.headers["content-type"] == "application/zip"
    assert server.infer(TASK, "site/p2").status_code == 200
    imported = server.get(f"/api/v1/labels?task={TASK}&image=mr_0").json()["labels"]
    assert [(label["author"], label["tag"]) for label in imported] == [("import", "final")]
    label = blank_label(root / "studies" / "site" / "p1" / "mr.nii.gz", root)
    assert server.client.save_label("site/p1/mr", str(label), "final")["task"] == TASK


def save_until_killed(server: Server, root, acknowledged: dict[int, str]) -> None:
    """Four clients save labels and classes; the server is killed after the tenth answer of this round."""
    enough, stop = len(acknowledged) + 10, threading.Event()
    content = blank_label(root / "studies" / "mr_1.nii.gz", root).read_bytes()

    def work(number: int) -> None:
        with requests.Session() as session:
            while not stop.is_set():
                try:
                    if number % 2:
                        where = f"{server.url}/api/v1/labels/{CLASSES}/dark_{number // 2}"
                        answer = session.post(where, json={"class": "dark"}, timeout=30)
                    else:
                        form = {"label": ("label.nii.gz", content)}
                        where = f"{server.url}/datastore/label?image=mr_{1 + number // 2}"
                        fields = {"params": json.dumps({"task": TASK})}
                        answer = session.put(where, files=form, data=fields, timeout=30)
                except requests.RequestException:
                    return
                assert answer.status_code == 200, answer.text
                acknowledged[answer.json()["id"]] = answer.text

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    until(lambda: len(acknowledged) >= enough, "ten labels were not saved", pause=lambda: time.sleep(0.005))
    os.kill(server.process, signal.SIGKILL)
    stop.set()
    for thread in threads:
        thread.join()


def check_nothing_is_lost(server: Server, acknowledged: dict[int, str]) -> None:
    for label in acknowledged:
        answer = server.get(f"/api/v1/labels/{label}/file")
        assert answer.status_code == 200
        assert answer.content
    known = server.get(f"/api/v1/labels?task={TASK}&image=mr_1").json()["labels"]
    assert [label["version"] for label in known] == list(range(1, len(known) + 1))
    staging = server.studies / ".crosslabel" / "staging"
    assert not [path for path in staging.rglob("*") if path.name != "lock" and path.is_file()]


def check_export(studies) -> None:
    """What other MONAI Label tools see after the server has ended."""
    theirs = LocalDatastore(str(studies), auto_reload=False, read_only=True)
    assert {"mr_0", "mr_1", "dark_0", "site/p1/mr"} <= set(theirs.get_labeled_images())
    assert json.loads(theirs.get_label("dark_0", "final").read()) == {"class": "dark"}
