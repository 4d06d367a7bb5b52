from __future__ import annotations

import os

import numpy as np
import pytest
import torch

from crosslabel.adaptation.image_level.translation.cache import VolumeCache
from crosslabel.errors import CrossLabelError
from crosslabel.images import Grid, read_grid
from tiny import AFFINE

GRID = Grid((6, 5, 4), AFFINE)
ROUGH_BYTES = 6 * 5 * 4 * 4 + 352


def volume(seed: int, channels: int = 1) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(channels, *GRID.shape)).astype(np.float32))


def age(cache: VolumeCache, id: str, seconds: int) -> None:
    for file in cache._files(id, 0):
        os.utime(file, (seconds, seconds))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_volume_comes_back_as_it_was_with_its_affine(tmp_path, channels):
    cache = VolumeCache(tmp_path, channels, limit=10**6)
    cache.put("a", 2, volume(0, channels), GRID)
    assert torch.equal(cache.get("a", 2), volume(0, channels))
    assert all(read_grid(file).same_as(GRID) for file in tmp_path.glob("*.nii"))
    assert cache.get("a", 1) is None
    assert cache.get("b", 2) is None


def test_the_least_recently_used_makes_room(tmp_path):
    cache = VolumeCache(tmp_path, 1, limit=3 * ROUGH_BYTES + 100)
    for number, id in enumerate("abc"):
        cache.put(id, 0, volume(number), GRID)
        age(cache, id, 1000 + number)
    assert cache.full(ROUGH_BYTES)
    cache.get("a", 0)
    cache.put("d", 0, volume(3), GRID)
    assert [id for id in "abcd" if cache.has(id, 0)] == ["a", "c", "d"]


def test_a_single_volume_is_kept_even_if_it_is_larger_than_the_limit(tmp_path):
    cache = VolumeCache(tmp_path, 2, limit=10)
    for id in "ab":
        cache.put(id, 0, volume(0, 2), GRID)
    assert cache.get("b", 0) is not None
    assert not cache.has("a", 0)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_volume_of_which_channels_are_missing_is_not_there(tmp_path):
    cache = VolumeCache(tmp_path, 3, limit=10**6)
    cache.put("a", 0, volume(0, 3), GRID)
    next(tmp_path.glob("*_0_0.nii")).unlink()
    assert cache.get("a", 0) is None


def test_a_disk_that_refuses_is_reported_with_what_to_do(tmp_path):
    (tmp_path / "restyled").write_text("a file where the folder should be")
    with pytest.raises(CrossLabelError, match=r"cannot be written to restyled .*; free some space and resume"):
        VolumeCache(tmp_path / "restyled", 1, limit=10).put("a", 0, volume(0), GRID)
