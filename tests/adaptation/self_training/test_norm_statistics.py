from __future__ import annotations

import torch
from torch import nn

from crosslabel.adaptation.self_training import estimate_norm_statistics


def test_batch_norms_take_the_mean_and_variance_of_the_batches_they_are_shown_and_nothing_else_changes():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv3d(1, 2, 1), nn.BatchNorm3d(2, momentum=0.01)).eval()
    before = network[0].weight.detach().clone()
    batches = [torch.randn(1, 1, 4, 4, 4) * 3 + 5 for _ in range(6)]
    estimate_norm_statistics(network, batches)
    features = [network[0](batch) for batch in batches]
    torch.testing.assert_close(network[1].running_mean, torch.stack([one.mean((0, 2, 3, 4)) for one in features]).mean(0))
    torch.testing.assert_close(network[1].running_var, torch.stack([one.var((0, 2, 3, 4)) for one in features]).mean(0))
    torch.testing.assert_close(network[0].weight, before)
    assert network[1].momentum == 0.01
    assert not network[1].training


def test_a_network_without_batch_norm_is_shown_nothing():
    def batches():
        raise AssertionError("no batch is needed")
        yield

    estimate_norm_statistics(nn.Sequential(nn.Conv3d(1, 2, 1), nn.InstanceNorm3d(2)), batches())
