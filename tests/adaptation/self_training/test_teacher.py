from __future__ import annotations

import copy

import torch
from torch import nn

from crosslabel.adaptation.self_training import MeanTeacher, estimate_norm_statistics


def test_the_teacher_is_the_moving_average_of_the_student():
    torch.manual_seed(0)
    student = nn.Linear(3, 2)
    teacher = MeanTeacher(student, decay=0.5)
    expected = student.weight.detach().clone()
    for step in range(1, 30):
        with torch.no_grad():
            student.weight.add_(torch.randn(2, 3))
        teacher.follow(student)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * student.weight.detach()
    torch.testing.assert_close(teacher.network.weight, expected)
    assert not teacher.network.weight.requires_grad


def test_a_restored_teacher_goes_on_as_if_nothing_had_happened():
    torch.manual_seed(0)
    student = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    teacher = MeanTeacher(student, decay=0.99)
    for _ in range(3):
        student(torch.randn(5, 3)).sum().backward()
        teacher.follow(student)
    other = MeanTeacher(copy.deepcopy(student), decay=0.99)
    other.restore(teacher.state())
    with torch.no_grad():
        student[0].weight.mul_(2)
    teacher.follow(student)
    other.follow(student)
    for name, tensor in teacher.network.state_dict().items():
        torch.testing.assert_close(other.network.state_dict()[name], tensor)


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
