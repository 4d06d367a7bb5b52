"""Sessions: nothing but what was put there is read or removed."""

import json
import os
import shutil
import time
import uuid

import pytest

from crosslabel.server.sessions import Sessions


@pytest.fixture
def sessions(tmp_path):
    return Sessions(tmp_path / "sessions", expiry=3600)


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "upload.nii.gz"
    path.write_bytes(b"voxels")
    return path


def test_an_image_is_kept_until_its_session_is_removed(sessions, image):
    session_id, session = sessions.add_session(image)
    assert session.image.endswith("image.nii.gz")
    found = sessions.get_session(str(uuid.UUID(session_id)))
    assert found.image == session.image
    sessions.remove_session(session_id)
    assert sessions.get_session(session_id) is None
    assert not list(sessions.folder.iterdir())


def test_a_session_lives_at_most_as_long_as_the_server_allows(sessions, image):
    _, session = sessions.add_session(image, expiry=10**9)
    assert session.expiry == 3600


def test_expired_sessions_go_and_foreign_folders_stay(sessions, image):
    session_id, _ = sessions.add_session(image, expiry=60)
    description = sessions.folder / session_id / "session.json"
    content = json.loads(description.read_text())
    description.write_text(json.dumps({**content, "used": int(time.time()) - 61}))
    foreign = [sessions.folder / "somebodys data", sessions.folder / uuid.uuid4().hex]
    for folder in foreign:
        folder.mkdir()
        (folder / "thesis.txt").write_text("years of work")
    assert sessions.get_session(session_id) is None
    assert sessions.remove_expired() == 1
    assert sorted(sessions.folder.iterdir()) == sorted(foreign)


def test_a_description_points_at_its_own_folder_only(sessions, image, tmp_path):
    session_id, _ = sessions.add_session(image)
    (tmp_path / "secret.nii.gz").write_bytes(b"secret")
    description = sessions.folder / session_id / "session.json"
    content = json.loads(description.read_text())
    description.write_text(json.dumps({**content, "image": "../../secret.nii.gz"}))
    assert sessions.get_session(session_id) is None


def test_a_link_among_the_sessions_is_not_followed(sessions, image, tmp_path):
    session_id, _ = sessions.add_session(image)
    outside = tmp_path / "outside"
    shutil.move(sessions.folder / session_id, outside)
    (sessions.folder / session_id).symlink_to(outside)
    assert sessions.get_session(session_id) is None
    sessions.remove_session(session_id)
    assert (outside / "session.json").is_file()


@pytest.mark.parametrize("name", ["..", "../outside", "", "x", "{" + "0" * 32 + "}/.."])
def test_only_ids_of_sessions_are_looked_for(sessions, name):
    assert sessions.get_session(name) is None
    sessions.remove_session(name)


def test_what_a_killed_server_left_without_a_description_goes_too_in_time(sessions, image):
    left, new = (sessions.folder / uuid.uuid4().hex for _ in range(2))
    for place in (left, new):
        place.mkdir(parents=True)
        (place / "image.nii.gz").write_bytes(b"a patient's image")
    long_ago = time.time() - sessions.expiry - 60
    os.utime(left, (long_ago, long_ago))
    assert sessions.remove_expired() == 1
    assert not left.exists()
    assert new.exists(), "its description may be about to be written"
