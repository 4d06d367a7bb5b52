"""What a network is found to achieve on labelled cases, by networks whose answer is known."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from crosslabel.data import Case
from crosslabel.learning.measuring import measure
from crosslabel.learning.promotion import by_held_back
from crosslabel.training.prepared_cases import PreparedCases
from tiny import AFFINE, segmentation_task

BACKGROUND, SECOND = 0, 2
TASK = segmentation_task()


class Answers(nn.Module):
    """Finds what is bright as the first structure, and gives one answer everywhere else."""

    def __init__(self, elsewhere):
        super().__init__()
        self.elsewhere = elsewhere
        self.certainty = nn.Parameter(torch.tensor(20.0))

    def forward(self, images):
        answer = torch.where(images[:, 0] > 0, 1, self.elsewhere)
        return F.one_hot(answer, 3).movedim(-1, 1) * self.certainty


@pytest.fixture
def cases(tmp_path):
    """Two volumes, and only the first structure in them."""
    found = []
    for number in range(2):
        label = np.zeros((30, 28, 18), np.uint8)
        label[6:24, 6:22, 3 + number : 15] = 2
        image = np.random.default_rng(number).normal(100, 5, label.shape) + 100.0 * (label == 2)
        paths = [tmp_path / f"{part}_mr_{number}.nii.gz" for part in ("image", "label")]
        for path, array in zip(paths, (image.astype(np.float32), label), strict=True):
            nib.save(nib.Nifti1Image(array, AFFINE), path)
        found.append(Case(f"mr_{number}", *paths, own_values=True))
    return PreparedCases(TASK, found)


def test_a_structure_that_nobody_drew_and_that_is_not_found_counts_for_nothing(cases):
    measured = measure(TASK, Answers(BACKGROUND), cases)
    assert list(measured.parts) == ["first"]
    assert measured.value == measured.parts["first"] > 0.8


def test_a_structure_that_is_invented_has_a_dice_of_0_and_keeps_a_model_from_being_served(cases):
    sober, invents = measure(TASK, Answers(BACKGROUND), cases), measure(TASK, Answers(SECOND), cases)
    assert invents.parts == {**sober.parts, "second": 0.0}
    assert invents.value == pytest.approx(sober.value / 2)
    assert [truth for _, truth in invents.pairs] == pytest.approx([truth / 2 for _, truth in sober.pairs])
    assert not by_held_back(invents, sober, 5).promoted
