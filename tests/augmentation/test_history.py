from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import tiny
from crosslabel.augmentation import Augmentation, Change
from crosslabel.augmentation.operations import OPERATIONS

ALL = {"basic": 1, "elastic": 1, "bspline": 1, "mr_artefacts": 1, "ct_artefacts": 1}


def augmentation(dimension: int = 2, **settings) -> Augmentation:
    volume = {
        "dimension": 3,
        "domains": {"target": {"name": "mr", "modality": "MR", "intensity": {"rule": "zscore"}}},
        "spacing": [1.0, 1.0, 1.0],
        "patch": [20, 18, 12],
    }
    return Augmentation(tiny.classification_task(augmentation=settings, **(volume if dimension == 3 else {})))


def image(dimension: int = 2) -> torch.Tensor:
    axes = np.meshgrid(*(np.linspace(-1, 1, size) for size in ((32, 32) if dimension == 2 else (20, 18, 12))), indexing="ij")
    return torch.from_numpy((sum(axis**2 for axis in axes) < 0.7).astype(np.float32) * 2 - 1)[None]


@pytest.mark.parametrize("dimension", [2, 3])
def test_a_record_replays_to_the_same_image_after_a_trip_through_json(dimension):
    drawing, replaying = augmentation(dimension, **ALL), augmentation(dimension, **ALL)
    changed = 0
    for number in range(12):
        changes = drawing.draw(7, 0, 3, number)
        made = drawing.apply(image(dimension), changes)
        read = [Change(**one) for one in json.loads(json.dumps([change.as_dict() for change in changes]))]
        torch.testing.assert_close(replaying.apply(image(dimension), read), made, rtol=0, atol=0)
        assert made.shape == image(dimension).shape
        assert torch.isfinite(made).all()
        changed += not torch.equal(made, image(dimension))
    assert changed > 8


def test_the_same_numbers_draw_the_same_and_others_draw_others():
    drawing = augmentation(**ALL)
    assert drawing.draw(1, 2, 3, 4) == drawing.draw(1, 2, 3, 4)
    assert len({json.dumps([change.as_dict() for change in drawing.draw(1, 2, 3, number)]) for number in range(20)}) == 20


def test_every_operation_is_drawn_by_its_family_alone():
    families = {
        "elastic": {"elastic"},
        "bspline": {"bspline"},
        "mr_artefacts": {"bias_field", "ghosting", "spike", "rician_noise"},
        "ct_artefacts": {"rings", "beam_hardening"},
        "basic": {"basic"},
    }
    seen = set()
    for family, names in families.items():
        drawing = augmentation(**{**dict.fromkeys(ALL, 0), family: 1})
        found = {change.name for number in range(60) for change in drawing.draw(0, 0, 0, number)}
        assert found == names
        seen |= found
    assert seen == {*OPERATIONS, "basic"}


def test_with_everything_off_nothing_changes():
    drawing = augmentation(**dict.fromkeys(ALL, 0))
    assert drawing.draw(0, 0, 0, 0) == []
    torch.testing.assert_close(drawing.apply(image(), []), image())


def test_a_weaker_setting_changes_less():
    def change(strength: float) -> float:
        drawing = augmentation(basic=0, mr_artefacts=strength, bspline=strength)
        return float(np.mean([(drawing.apply(image(), drawing.draw(0, n)) - image()).abs().mean() for n in range(40)]))

    assert 0 < change(0.2) < change(1.0)
