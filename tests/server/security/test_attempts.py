"""How often an address may fail to log in."""

from crosslabel.server.security.attempts import FailedAttempts


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_an_address_may_fail_so_often_in_a_minute_and_again_in_the_next():
    clock = Clock()
    attempts = FailedAttempts(per_minute=3, clock=clock)
    assert [attempts.failed("a") for _ in range(5)] == [False, False, False, True, True]
    assert attempts.failed("b") is False
    clock.now = 61.0
    assert attempts.failed("a") is False


def test_the_addresses_that_are_remembered_are_bounded():
    attempts = FailedAttempts(per_minute=1, addresses=10, clock=Clock())
    attempts.failed("first")
    for number in range(10):
        attempts.failed(f"other {number}")
    assert attempts.failed("first") is False
