"""The most recently used things, up to a number of bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar


class Sized(Protocol):
    """What knows its size in bytes."""

    @property
    def nbytes(self) -> int: ...


T = TypeVar("T", bound=Sized)


class Memory(Generic[T]):
    """Keeps what was used last, so that memory does not grow with the number of things; the last one is always kept.

    Args:
        limit: in bytes.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._kept: OrderedDict[Hashable, T] = OrderedDict()
        self._size = 0

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """What is kept under a key, or made now."""
        if key not in self._kept:
            self._kept[key] = make()
            self._size += self._kept[key].nbytes
        self._kept.move_to_end(key)
        found = self._kept[key]
        while self._size > self.limit and len(self._kept) > 1:
            self._size -= self._kept.popitem(last=False)[1].nbytes
        return found
