"""How often an address may fail to log in."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable


class FailedAttempts:
    """Counts failed log-ins of each address over the last minute.

    Valid tokens are never refused: 256 random bits cannot be guessed, so the limit spares the log and the processor, and a
    ward that shares one address is not shut out by one wrong password.

    Args:
        per_minute: failures that are answered as such.
        addresses: that are remembered; the longest silent one is forgotten first.
        clock: seconds that never run back.
    """

    def __init__(self, per_minute: int = 60, addresses: int = 10_000, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self.addresses = addresses
        self.clock = clock
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def failed(self, address: str) -> bool:
        """Count a failure; whether the address has failed too often."""
        now = self.clock()
        times = self._failures.setdefault(address, deque(maxlen=self.per_minute + 1))
        self._failures.move_to_end(address)
        if len(self._failures) > self.addresses:
            self._failures.popitem(last=False)
        times.append(now)
        while now - times[0] > 60:
            times.popleft()
        return len(times) > self.per_minute
