from __future__ import annotations

import io
import pickle
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crosslabel.errors import CheckpointError
from crosslabel.networks import read_weights_file


class RunsCode:
    """Unpickled carelessly, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def saved_bytes(**options) -> bytes:
    buffer = io.BytesIO()
    torch.save({"weight": torch.arange(3.0)}, buffer, **options)
    return buffer.getvalue()


def test_tensors_come_back_as_they_were(tmp_path):
    path = tmp_path / "weights.pt"
    path.write_bytes(saved_bytes())
    assert torch.equal(read_weights_file(path)["weight"], torch.arange(3.0))


@pytest.mark.parametrize("zipped", [True, False])
def test_objects_that_could_run_code_are_refused_and_do_not_run(tmp_path, zipped):
    trace = tmp_path / "ran"
    torch.save({"seg": RunsCode(trace)}, tmp_path / "evil.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match="holds Python objects that could run code, so it was not loaded"):
        read_weights_file(tmp_path / "evil.pt")
    assert not trace.exists()


def test_a_pickle_that_torch_did_not_write_is_refused_without_a_word_of_torch(tmp_path, recwarn):
    trace = tmp_path / "ran"
    (tmp_path / "evil.pth").write_bytes(pickle.dumps({"seg": RunsCode(trace)}))
    with pytest.raises(CheckpointError, match="it could run code, so it was not loaded"):
        read_weights_file(tmp_path / "evil.pth")
    assert not trace.exists()
    assert [str(warning.message) for warning in recwarn] == []


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match=r"^absent\.pt cannot be opened \(No such file or directory\)"):
        read_weights_file(tmp_path / "absent.pt")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="cannot be opened"):
        read_weights_file(tmp_path)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_bytes_that_are_no_checkpoint_are_refused(tmp_path, content):
    path = tmp_path / "noise.pt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"noise\.pt (is damaged|holds Python objects)"):
        read_weights_file(path)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.booleans(), st.floats(0, 0.99))
def test_a_file_cut_short_is_refused(tmp_path, zipped, share):
    whole = saved_bytes(_use_new_zipfile_serialization=zipped)
    path = tmp_path / "cut.pt"
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(CheckpointError, match=r"cut\.pt (is damaged|holds Python objects)"):
        read_weights_file(path)
