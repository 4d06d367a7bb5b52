from __future__ import annotations

from crosslabel.optimisation import processes


def test_a_process_that_acts_alone_sees_no_others_until_it_is_done(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert processes.under_torchrun()
    with processes.alone():
        assert (processes.count(), processes.rank()) == (1, 0)
        assert processes.anyone(True)
        assert processes.mean(3.0) == 3.0
        processes.check_share(1)
    monkeypatch.delenv("WORLD_SIZE")
    assert processes.count() == 1
