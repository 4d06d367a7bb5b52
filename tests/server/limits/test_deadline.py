"""An end to networks that compute for too long."""

import time

import pytest
import torch
from torch import nn

from crosslabel.server.limits.deadline import Deadline, TookTooLongError


def test_a_network_is_ended_between_two_patches():
    deadline, network = Deadline(), nn.Identity()
    deadline.watch(network)
    calls = 0

    def patches():
        nonlocal calls
        while True:
            network(torch.zeros(1))
            calls += 1
            time.sleep(0.01)

    with deadline.within(0.05), pytest.raises(TookTooLongError, match="not ready in time"):
        patches()
    assert 1 <= calls <= 6


def test_there_is_no_end_outside_of_the_context():
    deadline, network = Deadline(), nn.Identity()
    deadline.watch(network)
    with deadline.within(0.0):
        assert deadline.remaining() == 0
    assert deadline.remaining() == float("inf")
    assert network(torch.ones(1)).item() == 1
