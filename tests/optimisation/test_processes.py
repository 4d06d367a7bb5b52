from __future__ import annotations

import ignite.distributed as idist
import pytest
import torch

from crosslabel.errors import CrossLabelError
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


@pytest.mark.parametrize(("gpus", "together", "backend"), [(2, 2, "nccl"), (2, 4, "gloo"), (0, 2, "gloo")])
def test_either_all_processes_of_a_machine_take_a_gpu_or_none(monkeypatch, gpus, together, backend):
    begun = []
    for name, value in (("WORLD_SIZE", together), ("LOCAL_WORLD_SIZE", together), ("LOCAL_RANK", 1)):
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(idist, "initialize", lambda name, timeout: begun.append(name))
    monkeypatch.setattr(idist, "finalize", lambda: None)
    with processes.process_group() as device:
        assert device == torch.device("cuda:1" if backend == "nccl" else "cpu")
    assert begun == [backend]
    with pytest.raises(CrossLabelError, match="Every process takes a GPU of its own"), processes.process_group("cuda:0"):
        pass
