"""Reading what comes next while something else computes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from threadpoolctl import threadpool_limits

_Item = TypeVar("_Item")
_Read = TypeVar("_Read")


def read_ahead(read: Callable[[_Item], _Read], items: Iterable[_Item], ahead: int = 2) -> Iterator[_Read]:
    """What ``read`` gives for each item, in order; up to ``ahead`` of the next are read in a thread meanwhile.

    Reading an image takes linear algebra of 4 x 4 matrices alone. NumPy's BLAS would keep every core busy waiting for the
    next, at the cost of who computes, so that it gets one thread while this lasts.

    Raises:
        Exception: whatever ``read`` raises, when its item's turn comes.
    """
    coming = iter(items)
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(1, thread_name_prefix="reader") as reader:
        waiting: deque[Future[_Read]] = deque(reader.submit(read, item) for item in islice(coming, ahead))
        while waiting:
            found = waiting.popleft().result()
            for item in islice(coming, 1):
                waiting.append(reader.submit(read, item))
            yield found
