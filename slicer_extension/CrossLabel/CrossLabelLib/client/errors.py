"""What can go wrong with a server, as one sentence that says what happened and what to do."""

from __future__ import annotations

KINDS = (
    "unreachable",
    "timeout",
    "unauthorized",
    "forbidden",
    "missing",
    "refused",
    "busy",
    "bad answer",
    "cancelled",
)


class ServerError(Exception):
    """A request that did not succeed.

    Args:
        sentence: for the person who annotates.
        kind: one of :data:`KINDS`. ``missing``: there is no such thing or no such address; ``refused``: the server
            understood the request and does not do it; ``bad answer``: the answer is not what the interface promises.
        status: HTTP status, where there was an answer.
        request_id: under which the server's log says more, where it gave one.
    """

    def __init__(self, sentence: str, kind: str, status: int | None = None, request_id: str = "") -> None:
        super().__init__(sentence)
        if kind not in KINDS:
            raise ValueError(f"kind is '{kind}'; it must be one of {', '.join(KINDS)}")
        self.sentence = sentence
        self.kind = kind
        self.status = status
        self.request_id = request_id
