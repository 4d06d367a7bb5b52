"""Every hole and loss that was measured in MONAI Label 0.8.5, tried on a real server."""

import gzip
import io
import json
import struct
import time
import uuid
import zipfile

import pytest
import requests

# What the server writes in order to do its work.
OWN = {".crosslabel", ".lock", "datastore_v2.json", "tmp", "clients", "server.log"}


@pytest.fixture(autouse=True)
def _the_folders_stay_as_they_are(server):
    before = files_around(server)
    yield
    assert files_around(server) == before


def files_around(server):
    """Every other file below the server's root."""
    root = server.studies.parent
    return {
        str(path.relative_to(root))
        for path in root.rglob("*")
        if path.is_file() and not path.name.startswith(".tmp-") and not OWN & set(path.relative_to(root).parts)
    }


def image(server):
    return (server.studies / "mr_0.nii.gz").open("rb")


@pytest.mark.parametrize("name", ["../app/main", "..%2fapp", "/etc/x", "..\\x", ".hidden", "a/../../b", "a\u2215b", "CON:x"])
@pytest.mark.parametrize("suffix", [".nii.gz", ".py"])
def test_an_upload_cannot_choose_its_place(server, name, suffix):
    with image(server) as file:
        answer = server.put("/datastore/image", params={"image": name}, files={"file": (f"../../x{suffix}", file)})
    assert answer.status_code in (400, 422)


def test_an_uploads_own_file_name_chooses_no_place_either(server):
    with image(server) as file:
        answer = server.put("/datastore/", files={"file": ("../../../escaped.nii.gz", file)})
    # Only the last part of the name counts.
    assert (answer.status_code, answer.json()["image"]) == (200, "escaped")
    assert (server.studies / "escaped.nii.gz").is_file()
    server.delete("/datastore/image?id=escaped")


@pytest.mark.parametrize("tag", ["../../x", "final/../../x", "/tmp/x", "a%2fb", ".", "final\n"])
def test_a_tag_cannot_lead_out_of_the_labels(server, tag):
    with image(server) as file:
        answer = server.put("/datastore/label", params={"image": "mr_0", "tag": tag}, files={"label": file})
    assert answer.status_code in (400, 422)


@pytest.mark.parametrize("params", [{}, {"image": "/etc/hostname"}, {"image": "../victim", "save_label": True}])
def test_no_path_of_a_client_is_opened_for_inference(server, params):
    absolute = str(server.studies / "mr_0.nii.gz")
    answer = server.infer("tiny_segmentation", absolute, data={"params": json.dumps({**params, "label_tag": "../../x"})})
    assert answer.status_code == 404
    assert server.infer("tiny_segmentation", data={"params": json.dumps({"image": absolute})}).status_code == 400


@pytest.mark.parametrize("session", ["../victim", "..%2fvictim", "%2e%2e/victim", ".", "studies", "*"])
def test_a_sessions_id_removes_and_reads_nothing_else(server, session):
    victim = server.studies.parent / "victim"
    victim.mkdir(exist_ok=True)
    (victim / "meta.info").write_text(json.dumps({"image": "/etc/hostname", "path": str(victim)}))
    try:
        assert server.delete(f"/session/{session}").status_code in (404, 405)
        assert server.get(f"/session/{session}?image=true").status_code in (404, 405)
        assert (victim / "meta.info").is_file()
    finally:
        (victim / "meta.info").unlink()
        victim.rmdir()


def test_a_planted_session_is_none(server):
    planted = server.studies.parent / "sessions" / uuid.uuid4().hex
    planted.mkdir(parents=True)
    for name in ("meta.info", "session.json"):
        (planted / name).write_text(json.dumps({"image": "../../../../etc/hostname", "created": 1, "used": 9e12, "expiry": 9}))
    try:
        assert server.get(f"/session/{planted.name}?image=true").status_code == 404
    finally:
        for file in planted.iterdir():
            file.unlink()
        planted.rmdir()


def test_a_session_is_not_opened_with_a_name_for_its_description(server):
    with image(server) as file:
        answer = server.put("/session/", files=[("files", ("meta.info", file)), ("files", ("session.json", b"{}"))])
    assert answer.status_code == 422


def test_the_sessions_answer_holds_no_path_of_the_server(server):
    with image(server) as file:
        opened = server.put("/session/", files={"files": ("mr.nii.gz", file)}).json()
    described = server.get(f"/session/{opened['session_id']}").text
    downloaded = server.get(f"/session/{opened['session_id']}?image=true")
    assert server.delete(f"/session/{opened['session_id']}").status_code == 200
    assert str(server.studies.parent) not in json.dumps(opened) + described
    assert downloaded.content == (server.studies / "mr_0.nii.gz").read_bytes()
    assert server.get(f"/session/{opened['session_id']}").status_code == 404


def test_reload_is_not_offered_and_the_next_sample_still_comes(server):
    assert server.post("/reload").status_code == 404
    assert server.post("/reload/").status_code == 404
    assert server.post("/activelearning/first", json={}).json()["id"]


@pytest.mark.parametrize("name", ["../../../evil", "/tmp/evil"])
def test_a_training_cannot_choose_its_folder_or_its_code(server, name):
    body = {"name": name, "run": name, "bundle_path": name, "model": name, "local_rank": 0, "epochs": 1}
    assert server.post("/train/tiny_segmentation", json=body).status_code == 400
    assert server.post("/train/..%2f..%2fevil", json={}).status_code in (404, 405)


def test_a_batch_cannot_choose_its_tag_or_its_code(server):
    for body in ({"label_tag": "../../x"}, {"gpus": "0; rm"}, {"device": "/dev/sda"}, {"max_workers": 10**9}):
        assert server.post("/batch/infer/tiny_segmentation?images=unlabeled&run_sync=true", json=body).status_code == 422
    assert server.post("/batch/infer/nothing", json={"bundle_path": "/tmp"}).status_code == 404


PICKLE_THAT_RUNS = b"\x80\x04\x95\x1a\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R."


def served_checkpoint(server):
    return server.client.infer("tiny_segmentation", "mr_0", {})[1]["checkpoint"]


@pytest.mark.parametrize("content", [b"garbage", b"", PICKLE_THAT_RUNS], ids=["garbage", "empty", "code"])
def test_weights_that_are_none_replace_nothing_and_none_are_deleted(server, content):
    before = served_checkpoint(server)
    for path in ("/model/tiny_segmentation", "/model/..%2fx", "/model/nothing"):
        assert server.put(path, files={"file": ("model.pt", content)}).status_code in (404, 405, 409, 422)
        assert server.delete(path).status_code in (404, 405)
    assert served_checkpoint(server) == before


@pytest.mark.parametrize("study", ["mr_truncated", "mr_empty", "mr_text", "._mr_0"])
def test_a_broken_study_is_a_4xx_and_is_not_handed_out(server, study):
    assert server.infer("tiny_segmentation", study).status_code in (404, 422)
    offered = set()
    for _ in range(8):
        offered.add(server.post("/activelearning/random", json={"task": "tiny_segmentation"}).json()["id"])
        for image in offered:
            server.post("/api/v1/learning/tiny_segmentation/release", json={"image": image})
    assert len(offered) > 1
    assert study not in offered


@pytest.mark.parametrize("content", [b"", b"garbage", gzip.compress(b"garbage")], ids=["empty", "text", "packed text"])
def test_a_label_that_is_none_is_not_counted(server, content):
    answer = server.put("/datastore/label?image=mr_0", files={"label": ("label.nii.gz", content)})
    assert answer.status_code == 422
    assert server.get("/datastore/?output=stats").json()["completed"] == 0


def test_an_image_is_never_overwritten(server):
    with image(server) as file:
        assert server.put("/datastore/image?image=mr_0", files={"file": ("x.nii.gz", file)}).status_code == 409


def nifti_header(*shape):
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, len(shape), *shape, *[1] * (7 - len(shape)))
    struct.pack_into("<2h", header, 70, 16, 32)
    struct.pack_into("<8f", header, 76, *[1.0] * 8)
    struct.pack_into("<f", header, 108, 352.0)
    header[344:348] = b"n+1\0"
    return bytes(header)


def test_a_small_file_that_unpacks_to_more_than_the_memory_is_refused_by_its_header(server):
    started = time.monotonic()
    bomb = gzip.compress(nifti_header(32000, 32000, 1000) + bytes(10**7))
    for call in (
        lambda: server.infer("tiny_segmentation", files={"file": ("bomb.nii.gz", bomb)}),
        lambda: server.put("/datastore/image?image=bomb", files={"file": ("bomb.nii.gz", bomb)}),
        lambda: server.put("/datastore/label?image=mr_0", files={"label": ("bomb.nii.gz", bomb)}),
        lambda: server.put("/session/", files={"files": ("bomb.nii.gz", bomb)}),
    ):
        answer = call()
        assert answer.status_code == 422
        assert "voxels" in answer.json()["detail"]
    assert time.monotonic() - started < 20


def zipped(*members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def test_an_archive_neither_leaves_its_place_nor_explodes(server):
    series = [(f"../../{path.name}", path.read_bytes()) for path in (server.studies / "mr_series").iterdir()]
    many = zipped(*[(f"{number}", b"") for number in range(20_001)])
    answer = server.infer("tiny_segmentation", files={"file": ("series.zip", zipped(*series))})
    assert answer.status_code == 200
    answer = server.put("/session/?uncompress=true", files={"files": ("many.zip", many)})
    assert (answer.status_code, "20001 files" in answer.json()["detail"]) == (422, True)


@pytest.mark.parametrize("name", ["archive.tar", "archive.tar.gz", "archive.7z"])
def test_other_archives_are_never_unpacked(server, name):
    answer = server.put("/session/?uncompress=true", files={"files": (name, b"x" * 512)})
    assert answer.status_code == 422


def test_what_a_client_adds_to_an_image_breaks_no_later_answer(server):
    for info in ('{"strategy": 5}', '{"strategy": {"random": 7, "first": 7}}', '{"ts": "x"}'):
        assert server.put("/datastore/image/info?image=mr_0", data={"info": info}).status_code == 200
    for info in ('{"x": NaN}', '{"x": 1e999}', '{"x": "\\ud800"}', "[1]", '"x"', "[" * 5000):
        assert server.put("/datastore/image/info?image=mr_0", data={"info": info}).status_code == 400
    assert server.post("/activelearning/random", json={"task": "tiny_segmentation"}).status_code == 200
    assert server.get("/datastore/?output=all").status_code == 200


def test_a_foreign_page_reaches_nothing_through_a_browser_on_this_machine(server):
    rebound = requests.get(f"{server.url}/info/", headers={"Host": "evil.example"}, timeout=10)
    assert (rebound.status_code, "own machine only" in rebound.json()["detail"]) == (403, True)
    forged = requests.delete(f"{server.url}/train/", headers={"Origin": "http://evil.example"}, timeout=10)
    assert forged.status_code == 403
    same = requests.delete(f"{server.url}/train/", headers={"Origin": server.url}, timeout=10)
    assert same.status_code == 200
