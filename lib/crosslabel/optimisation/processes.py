"""One training in several processes (torchrun), by PyTorch-Ignite: who am I, and what do all of us have together."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import timedelta

import torch
from torch import nn

from crosslabel.errors import CrossLabelError

# The others wait this long for one that does something alone, such as training a translator.
_PATIENCE = timedelta(days=7)
_ALONE: ContextVar[bool] = ContextVar("alone", default=False)


def under_torchrun() -> bool:
    """Whether torchrun started this process as one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and "LOCAL_RANK" in os.environ


@contextlib.contextmanager
def process_group(device: str = "auto") -> Iterator[torch.device | None]:
    """Join the other processes that torchrun started; does nothing in a process that is alone.

    Args:
        device: ``auto`` takes one GPU for each process of this machine where there are enough; ``cpu`` computes with gloo.

    Yields:
        The device of this process; ``None`` where it is alone.

    Raises:
        CrossLabelError: one GPU is named for all.
    """
    if not under_torchrun():
        yield None
        return
    import ignite.distributed as idist

    if ":" in device:
        raise CrossLabelError(f"Every process takes a GPU of its own, so '{device}' cannot be theirs; leave the device out.")
    local = int(os.environ["LOCAL_RANK"])
    # All of them or none: processes that compute on different kinds of devices do not find each other.
    with_gpu = device != "cpu" and torch.cuda.device_count() >= int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    idist.initialize("nccl" if with_gpu else "gloo", timeout=_PATIENCE)
    try:
        yield torch.device("cuda", local) if with_gpu else torch.device("cpu")
    finally:
        idist.finalize()


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Within it this process acts as if there were no others, which meanwhile wait at a barrier."""
    token = _ALONE.set(True)
    try:
        yield
    finally:
        _ALONE.reset(token)


def rank() -> int:
    """Number of this process, 0 for the one that writes."""
    if not under_torchrun() or _ALONE.get():
        return 0
    import ignite.distributed as idist

    return idist.get_rank()


def count() -> int:
    """How many processes train together."""
    if not under_torchrun() or _ALONE.get():
        return 1
    import ignite.distributed as idist

    return idist.get_world_size()


def barrier() -> None:
    """Wait for the others."""
    if count() > 1:
        import ignite.distributed as idist

        idist.barrier()


def mean(value: float) -> float:
    """Mean of a number over all processes."""
    if count() == 1:
        return value
    import ignite.distributed as idist

    return float(idist.all_reduce(torch.tensor(value, dtype=torch.float64), op="SUM")) / count()


def anyone(said: bool) -> bool:
    """Whether any process said yes; all get the same answer, so that all stop at the same step."""
    if count() == 1:
        return said
    import ignite.distributed as idist

    return bool(idist.all_reduce(int(said), op="SUM"))


def of_the_first(values: dict[str, float]) -> dict[str, float]:
    """The first process's numbers, so that all decide alike by them."""
    if count() == 1:
        return values
    found = [values]
    torch.distributed.broadcast_object_list(found, src=0)
    return found[0]


def shared(network: nn.Module) -> nn.Module:
    """The network with gradients averaged over all processes (DistributedDataParallel); itself where there is one."""
    if count() == 1:
        return network
    from torch.nn.parallel import DistributedDataParallel

    device = next(network.parameters()).device
    return DistributedDataParallel(network, device_ids=[device.index] if device.type == "cuda" else None)


def check_share(accumulate: int) -> None:
    """The batches of a step are shared out evenly.

    Raises:
        CrossLabelError: they cannot be.
    """
    if accumulate % count():
        raise CrossLabelError(
            f"{count()} processes cannot share {accumulate} batches of a step evenly; write training.accumulate: {count()} "
            "(or a multiple of it) in the task file."
        )
