"""What has to be there before other machines may reach the server."""

from __future__ import annotations

import ipaddress

from crosslabel.errors import CrossLabelError


class ExposureError(CrossLabelError):
    """The server would be open to a network without protection."""


def is_loopback(host: str) -> bool:
    """Whether a host name or address reaches this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_exposure(host: str, *, tls: bool, tokens: bool, require_token: bool, insecure: bool) -> bool:
    """Whether requests need a token.

    Args:
        host: address to listen on.
        tls: whether a certificate is given.
        tokens: whether there is a valid token.
        require_token: ask for one on this machine too, or behind a proxy.
        insecure: the person knows that others can listen, and unless a token is required, can do anything.

    Raises:
        ExposureError: other machines would reach an unprotected server, or nobody could log in.
    """
    open_to_others = not is_loopback(host)
    required = require_token or (open_to_others and not insecure)
    if open_to_others and not insecure and not (tls and tokens):
        missing = " and ".join(
            part
            for part, there in (
                ("a token (crosslabel token add NAME --role administer)", tokens),
                ("a certificate (--certificate FILE --key FILE)", tls),
            )
            if not there
        )
        raise ExposureError(
            f"Other machines can reach {host}, so the server needs {missing}; serve on 127.0.0.1 instead, "
            "or say --insecure if others may listen."
        )
    if required and not tokens:
        raise ExposureError("Nobody could log in: make a token first with 'crosslabel token add NAME --role administer'.")
    return required
