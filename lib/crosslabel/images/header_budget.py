"""How much header the files of one study may have: a small zip can hold millions of elements to parse."""

from __future__ import annotations

from typing import BinaryIO

from crosslabel.errors import ImageError

# A series of a thousand slices has some 5 MB; this is parsed in a quarter of a minute.
MAX_HEADER_BYTES = 32 * 2**20


class HeaderBudget:
    """Counts what is read of a study's headers; values that are skipped cost nothing.

    Args:
        name: of the study.
        size: bytes that may be read.
    """

    def __init__(self, name: str, size: int = MAX_HEADER_BYTES) -> None:
        self.name = name
        self.remaining = size

    def metered(self, stream: BinaryIO) -> Metered:
        """The stream, which spends the budget."""
        return Metered(stream, self)

    def spend(self, size: int) -> None:
        """Take bytes off.

        Raises:
            ImageError: there are none left.
        """
        self.remaining -= size
        if self.remaining < 0:
            raise ImageError(f"'{self.name}' has far more header than an image needs: export the study again.")


class Metered:
    """A binary stream for reading a header."""

    def __init__(self, stream: BinaryIO, budget: HeaderBudget) -> None:
        self._stream = stream
        self._budget = budget

    def read(self, size: int = -1) -> bytes:
        """Read so many bytes.

        Raises:
            ImageError: the budget is spent, or all the rest is asked for: that is how a deflated data set is read, whose
                size nobody knows before it is unpacked.
        """
        if size is None or size < 0:
            raise ImageError(f"'{self._budget.name}' is deflated as a whole: export it in another transfer syntax.")
        content = self._stream.read(size)
        self._budget.spend(len(content))
        return content

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to a position."""
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        """The position."""
        return self._stream.tell()

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()
