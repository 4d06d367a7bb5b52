from __future__ import annotations

import numpy as np
import pytest
import torch

from crosslabel.adaptation.image_level import GIN, Chain, Watch, build_adapter
from crosslabel.errors import TaskError
from tiny import segmentation_task
from two_domains import volumes

TASK = segmentation_task()


def test_none_changes_nothing(tmp_path):
    adapter = build_adapter("none", TASK, seed=0)
    assert adapter.fit([], [], tmp_path, Watch())
    patch = torch.randn(1, 4, 4, 4)
    assert adapter.volume("x", patch, epoch=0) is patch
    assert adapter.patch(patch, np.random.default_rng(0)) is patch


def test_settings_reach_the_method_that_has_them():
    adapter = build_adapter("histogram+gin", TASK, seed=0, layers=2)
    assert isinstance(adapter, Chain)
    assert adapter.name == "histogram+gin"
    assert isinstance(adapter.adapters[1], GIN)
    assert adapter.adapters[1].layers == 2


def test_a_chain_applies_its_parts_in_order(tmp_path):
    chain = build_adapter("histogram+gin", TASK, seed=0, share=1.0)
    target = volumes(2, inverted=True)
    assert chain.fit(volumes(2), target, tmp_path, Watch())
    source = volumes(1)[0].read().tensor
    matched = chain.adapters[0].volume("source_0", source, 0)
    assert torch.equal(chain.volume("source_0", source, 0), matched)
    expected = chain.adapters[1].patch(matched, np.random.default_rng(3))
    assert torch.equal(chain.patch(matched, np.random.default_rng(3)), expected)
    assert chain.facts() == {"volumes that histograms were matched to": 2}


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("ginn", {}, "no image-level method 'ginn'"),
        ("gin", {"depth": 3}, "no setting 'depth'"),
        ("gin", {"seed_": 1}, "seed_"),
        ("looks", {"looks": {}}, "no setting 'looks'"),
        ("translation", {"epochs": "5"}, "setting epochs of translation is '5'; give a whole number above 0"),
        ("translation", {"epochs": 2.5}, "give a whole number above 0"),
        ("translation", {"clusters": True}, "give a whole number above 0"),
        ("cyclegan", {"learning_rate": float("nan")}, "give a number above 0"),
        ("translation", {"cache_gib": 0}, "give a number above 0"),
        ("translation", {"style_norm": 1}, "give true or false"),
        ("translation", {"checkpoint": "nowhere.pt"}, r"no published translator nowhere\.pt; correct adaptation"),
    ],
)
def test_what_is_not_known_is_refused(name, settings, message):
    with pytest.raises(TaskError, match=message):
        build_adapter(name, TASK, seed=0, **settings)
