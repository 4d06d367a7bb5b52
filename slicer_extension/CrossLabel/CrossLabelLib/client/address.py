"""The address of a server as people type it."""

from __future__ import annotations

from urllib.parse import urlsplit

from CrossLabelLib.client.errors import ServerError

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def is_loopback(url: str) -> bool:
    """Whether an address is on this machine."""
    return (urlsplit(url).hostname or "") in _LOOPBACK


def complete(address: str) -> str:
    """The whole address without a slash at its end; without a scheme https, on this machine http.

    Raises:
        ServerError: it is no address of a server.
    """
    text = address.strip().rstrip("/")
    if "//" not in text and not text.endswith(":"):
        text = f"http://{text}" if is_loopback(f"http://{text}") else f"https://{text}"
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and not (parts.query or parts.fragment)
        # Reading the port is what checks it.
        valid = valid and parts.username is None and parts.port != 0
    except ValueError:
        valid = False
    if not valid or any(character.isspace() for character in text):
        raise ServerError(
            f"'{address.strip()}' is no address of a server; give one such as https://server.example:8000.", "unreachable"
        )
    return text
