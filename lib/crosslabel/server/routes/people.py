"""Whose work a request is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends, Request

_LONGEST = 200


class Person:
    """Who asks: the name of their token, or where the server asks for none, what their client calls itself.

    Args:
        caller: name that the server knows.
        known: it was proved by a token.
    """

    def __init__(self, caller: str, *, known: bool) -> None:
        self.caller = caller
        self.known = known

    def name(self, params: Mapping[str, Any] | None = None) -> str:
        """Name to be kept with what they do; ``params`` are the client's, with its ``client_id``."""
        client = (params or {}).get("client_id")
        if self.known or not isinstance(client, str) or not client:
            return self.caller
        return client[:_LONGEST].encode("utf-8", "replace").decode()


def _person(request: Request) -> Person:
    return Person(request.state.caller.name, known=request.app.state.log_in.tokens is not None)


Who = Annotated[Person, Depends(_person)]
