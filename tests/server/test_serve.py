"""What ``serve`` refuses before it loads anything."""

import os
import socket

import pytest

from crosslabel.errors import CrossLabelError
from crosslabel.server.serve import Listener, serve
from crosslabel.server.sources import parse_sources, sources_as_text, sources_from_text


def test_a_missing_studies_folder_is_named(tmp_path):
    with pytest.raises(CrossLabelError, match=r"nowhere does not exist; create it"):
        serve(tmp_path / "nowhere", Listener())


def test_a_file_is_no_studies_folder(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CrossLabelError, match=r"file does not exist|is no folder"):
        serve(tmp_path / "file", Listener())


def test_a_port_in_use_is_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CrossLabelError, match=rf"Cannot listen on http://127.0.0.1:{port} .*another --host"):
            serve(tmp_path, Listener(port=port))


def test_a_port_that_cannot_exist_is_refused(tmp_path):
    with pytest.raises(CrossLabelError, match="Port 70000 does not exist"):
        serve(tmp_path, Listener(port=70000))


def test_an_unknown_task_is_refused_with_the_closest_name(tmp_path):
    with pytest.raises(CrossLabelError, match="did you mean 'hippocampus'"):
        serve(tmp_path, Listener(port=0), tasks=["hipocampus"])


def test_broken_authentication_is_refused_rather_than_ignored(tmp_path, monkeypatch):
    for name in ("MONAI_LABEL_APP_DIR", "MONAI_LABEL_STUDIES", "MONAI_LABEL_SERVER_PORT", "MONAI_LABEL_APP_CONF"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("MONAI_LABEL_AUTH_ENABLE", "true")
    with pytest.raises(CrossLabelError, match="MONAI_LABEL_AUTH_ENABLE"):
        serve(tmp_path, Listener(port=0))


def test_a_source_whose_folder_would_be_taken_for_two_is_refused(tmp_path):
    folder = tmp_path / f"ct{os.pathsep}old"
    folder.mkdir()
    with pytest.raises(CrossLabelError, match="in its name or folder; rename it"):
        parse_sources([f"ct={folder}"])
    (tmp_path / "ct").mkdir()
    sources = parse_sources([f"ct={tmp_path / 'ct'}"])
    assert sources_from_text(sources_as_text(sources)) == sources
