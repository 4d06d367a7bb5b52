from __future__ import annotations

import torch
from torch import nn

from crosslabel.networks import DARUNet, all_heads, main_logits


def test_a_network_with_one_output_has_one_head():
    network, x = nn.Conv2d(1, 3, 1), torch.randn(2, 1, 4, 4)
    (head,) = all_heads(network, x)
    torch.testing.assert_close(head, network(x))
    torch.testing.assert_close(main_logits(network, x), network(x))


def test_the_main_logits_of_several_heads_are_the_first():
    network, x = DARUNet(2, channels=(8, 8), strides=((1, 2, 2),)).eval(), torch.randn(1, 1, 4, 5, 6)
    heads = all_heads(network, x)
    assert len(heads) == 3
    torch.testing.assert_close(main_logits(network, x), heads[0])


def test_extras_beside_the_logits_are_left_out_of_the_main_logits():
    class WithExtras(nn.Module):
        def forward(self, x):
            return x, x.mean()

    x = torch.randn(1, 2, 3)
    assert torch.equal(main_logits(WithExtras(), x), x)
