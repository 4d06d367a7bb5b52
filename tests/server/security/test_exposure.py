"""What has to be there before other machines may reach the server."""

import pytest

from crosslabel.server.security.exposure import ExposureError, check_exposure, is_loopback

NOTHING = {"tls": False, "tokens": False, "require_token": False, "insecure": False}


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.1.2.3", False),
        ("hospital.example", False),
        ("", False),
    ],
)
def test_loopback_is_told_from_addresses_that_others_reach(host, loopback):
    assert is_loopback(host) is loopback


def test_this_machine_needs_no_token():
    assert check_exposure("127.0.0.1", **NOTHING) is False


@pytest.mark.parametrize(
    ("there", "missing"),
    [({}, "a token .* and a certificate"), ({"tokens": True}, "a certificate"), ({"tls": True}, "a token")],
)
def test_other_machines_need_a_token_and_a_certificate(there, missing):
    with pytest.raises(ExposureError, match=f"needs {missing}.*--insecure"):
        check_exposure("0.0.0.0", **{**NOTHING, **there})


def test_with_both_every_request_needs_a_token():
    assert check_exposure("0.0.0.0", **{**NOTHING, "tls": True, "tokens": True}) is True


def test_insecure_opens_the_server_and_requiring_a_token_closes_it_again():
    assert check_exposure("0.0.0.0", **{**NOTHING, "insecure": True}) is False
    behind_a_proxy = {**NOTHING, "insecure": True, "require_token": True, "tokens": True}
    assert check_exposure("0.0.0.0", **behind_a_proxy) is True


def test_a_server_that_nobody_could_log_in_to_does_not_start():
    with pytest.raises(ExposureError, match="crosslabel token add"):
        check_exposure("127.0.0.1", **{**NOTHING, "require_token": True})
