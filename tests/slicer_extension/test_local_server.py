"""A server that the extension starts on this computer."""

import os

import pytest

from CrossLabelLib.client.errors import ServerError
from CrossLabelLib.client.job import Job
from CrossLabelLib.client.transport import Transport
from CrossLabelLib.local_server import LocalServer
from server_process import environment, publish_random_weights, write_tasks
from tiny import write_pictures


def test_it_serves_a_folder_until_it_is_stopped(tmp_path):
    write_tasks(tmp_path / "tasks")
    folders = {"CROSSLABEL_TASKS": tmp_path / "tasks", "CROSSLABEL_MODELS": publish_random_weights(tmp_path / "models")}
    write_pictures(tmp_path / "studies", 1)
    local = LocalServer(environment(tmp_path, **{name: str(path) for name, path in folders.items()}))
    assert local.available
    try:
        url = local.start(tmp_path / "studies", Job())
        assert local.running
        transport = Transport(url)
        assert transport.json("GET", "/info/")["name"] == "CrossLabel"
    finally:
        local.stop()
    assert not local.running
    with pytest.raises(ServerError, match="cannot be reached"):
        transport.json("DELETE", "/info/")


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands for the command")
def test_labelled_images_are_offered_by_the_name_of_their_folder(tmp_path):
    command = tmp_path / "crosslabel"
    command.write_text('#!/bin/sh\necho "$6 $7"\n')
    command.chmod(0o755)
    for folder, name in (("ct", "ct"), ("ct=old", "ct-old")):
        with pytest.raises(ServerError, match=f"--source {name}={tmp_path / folder}$"):
            LocalServer({"PATH": str(tmp_path)}).start(tmp_path, Job(), tmp_path / folder)


def test_where_the_command_is_missing_the_sentence_says_how_to_get_it(tmp_path):
    local = LocalServer({"PATH": str(tmp_path)})
    assert not local.available
    with pytest.raises(ServerError, match="README"):
        local.start(tmp_path, Job())


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands for the command")
@pytest.mark.parametrize(
    ("script", "says"), [("echo The folder is not there.; exit 1", "The folder is not there."), ("exit 3", "said nothing")]
)
def test_a_server_that_does_not_start_is_quoted(tmp_path, script, says):
    command = tmp_path / "crosslabel"
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)
    local = LocalServer({"PATH": str(tmp_path)})
    with pytest.raises(ServerError, match=says):
        local.start(tmp_path, Job())
    assert not local.running


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands for the command")
def test_cancelling_ends_a_start(tmp_path):
    command = tmp_path / "crosslabel"
    command.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    command.chmod(0o755)
    local, job = LocalServer({"PATH": str(tmp_path)}), Job()
    job.cancel()
    with pytest.raises(ServerError) as caught:
        local.start(tmp_path, job)
    assert caught.value.kind == "cancelled"
    assert not local.running


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands for the command")
def test_slicers_own_python_settings_do_not_reach_the_server(tmp_path, monkeypatch):
    command = tmp_path / "crosslabel"
    command.write_text('#!/bin/sh\necho "home=$PYTHONHOME path=$PYTHONPATH"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PYTHONHOME", "/slicer")
    monkeypatch.setenv("PYTHONPATH", "/slicer/lib")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerError, match=r"home= path=$"):
        LocalServer().start(tmp_path, Job())
