from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from crosslabel.adaptation.image_level.translation.cache import VolumeCache
from crosslabel.errors import CrossLabelError
from crosslabel.images import Grid, read_grid
from tiny import AFFINE
from waiting import PATIENCE

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
    assert [id for id in "abcd" if cache.get(id, 0) is not None] == ["a", "c", "d"]


def test_a_single_volume_is_kept_even_if_it_is_larger_than_the_limit(tmp_path):
    cache = VolumeCache(tmp_path, 2, limit=10)
    for id in "ab":
        cache.put(id, 0, volume(0, 2), GRID)
    assert cache.get("b", 0) is not None
    assert cache.get("a", 0) is None
    assert len(list(tmp_path.iterdir())) == 2


def test_a_volume_of_which_channels_are_missing_is_not_there(tmp_path):
    cache = VolumeCache(tmp_path, 3, limit=10**6)
    cache.put("a", 0, volume(0, 3), GRID)
    next(tmp_path.glob("*_0_0.nii")).unlink()
    assert cache.get("a", 0) is None


def test_a_disk_that_refuses_is_reported_with_what_to_do(tmp_path):
    (tmp_path / "restyled").write_text("a file where the folder should be")
    with pytest.raises(CrossLabelError, match=r"cannot be written to .*restyled .*; make it writable and resume"):
        VolumeCache(tmp_path / "restyled", 1, limit=10).put("a", 0, volume(0), GRID)


def test_a_damaged_volume_is_not_there(tmp_path):
    cache = VolumeCache(tmp_path, 1, limit=10**6)
    cache.put("a", 0, volume(0), GRID)
    (file,) = tmp_path.glob("*.nii")
    file.write_bytes(file.read_bytes()[:400])
    assert cache.get("a", 0) is None


def use(folder: Path, seed: int) -> None:
    """Ask for more volumes than there is room for, in an order of one's own, as a process that trains beside others does."""
    cache = VolumeCache(folder, 2, limit=3 * ROUGH_BYTES)
    for number in np.random.default_rng(seed).integers(0, 5, 150).tolist():
        found = cache.get(str(number), 0)
        if found is None:
            cache.put(str(number), 0, volume(number, 2), GRID)
        else:
            assert torch.equal(found, volume(number, 2))


def test_processes_that_push_out_each_others_volumes_never_notice(tmp_path):
    context = multiprocessing.get_context("fork")
    users = [context.Process(target=use, args=(tmp_path, seed)) for seed in range(2)]
    for user in users:
        user.start()
    for user in users:
        user.join(PATIENCE)
    assert [user.exitcode for user in users] == [0, 0]
