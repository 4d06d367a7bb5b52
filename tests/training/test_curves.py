from __future__ import annotations

from crosslabel.optimisation import ProgressEvent, ProgressFile, State
from crosslabel.training.curves import write_curves


def test_a_page_of_curves_is_written_where_there_are_any(tmp_path):
    history = ProgressFile(tmp_path)
    history(ProgressEvent(State.PREPARING, 0, 3))
    history(ProgressEvent(State.FINISHED, 0, 3))
    assert not write_curves(tmp_path, tmp_path / "curves.html", "a classical head")
    assert not (tmp_path / "curves.html").exists()

    for epoch in (1, 2):
        history(ProgressEvent(State.TRAINING, epoch, 3, losses={"squares": 1 / epoch}, metrics={"score": 0.5}))
    assert write_curves(tmp_path, tmp_path / "curves.html", "a network")
    page = (tmp_path / "curves.html").read_text()
    assert "Losses" in page
    assert "Metrics" in page
