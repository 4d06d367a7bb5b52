"""The typed routes under /api/v1, and that the server answers while a network computes."""

import threading
import time

import pytest

import crosslabel
from server_process import ALLOWED_ORIGIN


def test_tasks_tell_labels_with_colours_or_classes_and_whether_they_can_predict(server):
    tasks = {task["name"]: task for task in server.get("/api/v1/tasks").json()}
    segmentation, classification = tasks["tiny_segmentation"], tasks["tiny_classification"]
    assert segmentation["labels"][1] == {"name": "second", "value": 7, "color": "#00ff00"}
    assert segmentation["domains"] == [{"name": "mr", "role": "target", "modality": "MR", "sequence": None}]
    assert segmentation["checkpoint"]["available"] is True
    assert (classification["kind"], classification["dimension"]) == ("classification", 2)
    assert classification["classes"] == ["bright", "dark"]
    assert tasks["tiny_untrained"]["checkpoint"]["available"] is False
    assert "no checkpoint" in tasks["tiny_untrained"]["checkpoint"]["reason"]


def test_images_tell_modality_dimension_and_why_one_cannot_be_read(server):
    studies = {study["id"]: study for study in server.get("/api/v1/images").json()}
    assert "._mr_0" not in studies
    assert (studies["mr_0"]["dimension"], studies["mr_0"]["modality"]) == (3, "MR")
    assert studies["mr_0"]["shape"] == [30, 28, 18]
    assert studies["mr_0"]["spacing"] == pytest.approx([2.0, 2.0, 3.0])
    assert (studies["mr_series"]["modality"], studies["mr_series"]["evidence"]) == ("MR", "DICOM header")
    assert studies["bright_0"]["dimension"] == 2
    assert "series" in studies["two_series"]["problem"]
    assert "empty" in studies["mr_empty"]["problem"]


def test_images_of_a_task_are_those_it_is_for(server):
    of_task = {study["id"] for study in server.get("/api/v1/images?task=tiny_segmentation").json()}
    # A truncated file has a good header; it is found out when it is picked or predicted.
    assert of_task - {"mr_truncated"} == {"mr_0", "mr_1", "mr_2", "mr_3", "mr_series"}
    assert server.get("/api/v1/images?task=nothing").status_code == 404


def test_capabilities_are_those_of_info(server):
    capabilities = server.get("/api/v1/capabilities").json()
    assert capabilities["version"] == crosslabel.__version__
    assert capabilities["capabilities"] == server.client.info()["capabilities"]


def test_the_openapi_document_describes_own_and_stock_routes(server):
    paths = server.get("/openapi.json").json()["paths"]
    assert {"/info/", "/infer/{model}", "/train/", "/api/v1/tasks", "/session/", "/batch/infer/{model}"} <= set(paths)


def test_only_the_named_site_may_read_answers_in_a_browser(server):
    allowed = server.get("/info/", headers={"Origin": ALLOWED_ORIGIN})
    assert allowed.headers["access-control-allow-origin"] == ALLOWED_ORIGIN
    refused = server.get("/info/", headers={"Origin": "http://elsewhere.example"})
    assert "access-control-allow-origin" not in refused.headers


def test_the_server_says_in_one_line_where_it_is(server):
    assert server.log.read_text().splitlines()[0] == (f"CrossLabel serves {server.studies} at {server.url} (Ctrl+C stops it).")


def test_info_answers_while_images_are_segmented(server):
    codes = []
    threads = [
        threading.Thread(target=lambda: codes.append(server.infer("tiny_segmentation", "mr_0").status_code)) for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    waited = []
    while any(thread.is_alive() for thread in threads):
        start = time.monotonic()
        assert server.get("/info/").ok
        waited.append(time.monotonic() - start)
    assert codes == [200] * 12
    assert sorted(waited)[len(waited) // 2] < 1
