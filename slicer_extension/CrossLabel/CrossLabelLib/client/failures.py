"""What a failed request means, in one sentence."""

from __future__ import annotations

import json
from typing import Any

import requests

from CrossLabelLib.client.errors import ServerError

_LONGEST_DETAIL = 600
_KINDS = {401: "unauthorized", 403: "forbidden", 404: "missing", 408: "timeout", 429: "busy", 503: "busy", 504: "timeout"}
_SENTENCES = {
    401: "The server does not know this token; enter the one that its administrator gave you.",
    403: "Your token does not allow this; ask the server's administrator for another role.",
    404: "The server does not have this.",
    408: "The connection was too slow; try again.",
    413: "This is larger than the server takes; ask its administrator to raise the limit.",
    429: "The server had too many requests; try again in a minute.",
    502: "The server behind this address does not run; ask its administrator.",
    503: "The server is busy; try again in a minute.",
    504: "The server took too long; try again in a minute.",
    507: "The server's disk is full; ask its administrator to free some space.",
}


def no_answer(url: str, error: requests.RequestException, *, changes: bool) -> ServerError:
    """The error for a request that was not answered.

    Args:
        url: the server's address.
        error: what happened.
        changes: the request may have changed something before the connection broke.
    """
    if isinstance(error, requests.exceptions.SSLError):
        return ServerError(
            f"The certificate of {url} is not trusted; check the address, or ask its administrator for the certificate "
            "of its authority.",
            "unreachable",
        )
    if isinstance(error, requests.ReadTimeout) or ("timed out" in str(error) and not _not_connected(error)):
        doubt = " It may have been done all the same; look before you do it again." if changes else ""
        return ServerError(f"The server at {url} did not answer in time; try again.{doubt}", "timeout")
    if changes and not _not_connected(error):
        return ServerError(
            f"The connection to {url} broke; it may have been done all the same, look before you do it again.", "unreachable"
        )
    return ServerError(f"The server at {url} cannot be reached; check the address, and whether it runs.", "unreachable")


def _not_connected(error: requests.RequestException) -> bool:
    """Whether the server cannot have seen the request."""
    return isinstance(error, requests.ConnectTimeout) or "NewConnectionError" in repr(error)


def refusal(answer: requests.Response, url: str) -> ServerError:
    """The error for an answer that is none of success."""
    status = answer.status_code
    if answer.is_redirect:
        return ServerError(
            f"The server sends us on to {answer.headers['Location'][:200]}; if you trust that address, connect to it.",
            "bad answer",
            status,
        )
    detail, request_id = _detail(answer)
    request_id = request_id or answer.headers.get("X-Request-ID", "")[:64]
    kind = _KINDS.get(status, "refused" if status < 500 else "bad answer")
    if detail and status not in (401, 502, 504):
        sentence = detail
    elif status in _SENTENCES:
        sentence = _SENTENCES[status]
    else:
        sentence = f"The server at {url} answered with status {status}; ask its administrator."
    return ServerError(sentence, kind, status, request_id)


def _detail(answer: requests.Response) -> tuple[str, str]:
    try:
        content = json.loads(answer.raw.read(64 * 1024, decode_content=True))
    except (ValueError, OSError, requests.RequestException, requests.packages.urllib3.exceptions.HTTPError):
        return "", ""
    if not isinstance(content, dict):
        return "", ""
    detail, request_id = content.get("detail"), content.get("request_id")
    return (
        " ".join(detail.split())[:_LONGEST_DETAIL] if isinstance(detail, str) else "",
        request_id[:64] if isinstance(request_id, str) else "",
    )


def json_of(content: bytes) -> Any:
    """The value of a JSON text.

    Raises:
        ServerError: it is none; a web page is named as such, for proxies and log-in pages answer with one.
    """
    try:
        return json.loads(content)
    except ValueError as error:
        start = content[:200].lstrip().lower()
        what = "a web page" if start.startswith((b"<!doctype", b"<html", b"<?xml")) else "something that is not JSON"
        raise ServerError(
            f"The server answered with {what}; check that the address is that of a MONAI Label server.", "bad answer"
        ) from error


def object_of(value: Any) -> dict[str, Any]:
    """The value as a JSON object.

    Raises:
        ServerError: it is none.
    """
    if isinstance(value, dict):
        return value
    raise ServerError("The server's answer is not what it should be; check the address and its version.", "bad answer")
