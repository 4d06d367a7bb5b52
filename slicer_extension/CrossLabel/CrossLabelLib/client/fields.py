"""Reading JSON that a server sent, which may be anything."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from CrossLabelLib.client.errors import ServerError


class Fields:
    """A JSON object whose values are checked as they are read.

    Args:
        value: from JSON.
        what: the object is, for the sentence of an error.

    Raises:
        ServerError: ``value`` is no object. Every method raises one as well, of kind ``bad answer``, where a value has
            another type than asked for, or is missing without a default.
    """

    def __init__(self, value: Any, what: str) -> None:
        self._what = what
        if not isinstance(value, Mapping):
            raise self._wrong("it is no object")
        self._values = value

    def text(self, name: str, default: str | None = None) -> str:
        value = self._values.get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            raise self._wrong(f"'{name}' is no text")
        return value

    def number(self, name: str) -> float | None:
        """A finite number, or None where there is none."""
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise self._wrong(f"'{name}' is no number")
        return value

    def integer(self, name: str, default: int | None = None) -> int:
        value = self.number(name)
        if value is None and default is not None:
            return default
        if value is None or value != int(value):
            raise self._wrong(f"'{name}' is no whole number")
        return int(value)

    def flag(self, name: str, default: bool | None = None) -> bool | None:
        value = self._values.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self._wrong(f"'{name}' is neither true nor false")
        return value

    def object(self, name: str) -> Fields | None:
        value = self._values.get(name)
        return None if value is None else Fields(value, f"{name} of {self._what}")

    def objects(self, name: str) -> list[Fields]:
        """The objects of a list; none where it is missing."""
        return [Fields(value, f"{name} of {self._what}") for value in self.items(name)]

    def items(self, name: str) -> list[Any]:
        value = self._values.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._wrong(f"'{name}' is no list")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.items(name)
        if not all(isinstance(item, str) for item in value):
            raise self._wrong(f"'{name}' holds something that is no text")
        return tuple(value)

    def numbers(self, name: str) -> dict[str, float | None]:
        """Numbers by name; empty where the object is missing."""
        value = self._values.get(name)
        if value is None:
            return {}
        inner = Fields(value, f"{name} of {self._what}")
        return {str(key): inner.number(key) for key in value}

    def raw(self, name: str) -> Any:
        return self._values.get(name)

    def _wrong(self, why: str) -> ServerError:
        return ServerError(
            f"The server's answer cannot be understood: of {self._what}, {why}; check the address and its version.",
            "bad answer",
        )
