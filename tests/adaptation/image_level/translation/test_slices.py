from __future__ import annotations

import numpy as np
import pytest
import torch

from crosslabel.adaptation.image_level import Volume, Watch
from crosslabel.adaptation.image_level.translation.slices import SliceFolder, slice_axis, to_slices, to_volume
from crosslabel.images import Grid
from crosslabel.preparation import Prepared
from tiny import AFFINE, segmentation_task


def volume_of(id: str, tensor: torch.Tensor) -> Volume:
    grid = Grid(tuple(tensor.shape[1:]), AFFINE)
    return Volume(id, lambda: Prepared(tensor, grid, grid, segmentation_task().domains.target), lambda: "")


def numbered(shape=(1, 10, 8, 6)) -> torch.Tensor:
    return torch.arange(int(np.prod(shape)), dtype=torch.float32).reshape(shape)


@pytest.mark.parametrize(
    ("spacing", "orientation", "axis"),
    [([2, 2, 5], "RAS", 2), ([5, 2, 2], "RAS", 0), ([2, 2, 2], "RAS", 2), ([2, 2, 2], "SRA", 0), ([2, 6, 6], "RSA", 1)],
)
def test_volumes_are_cut_along_the_coarsest_axis_and_of_equals_the_craniocaudal_one(spacing, orientation, axis):
    assert slice_axis(segmentation_task(spacing=spacing, orientation=orientation)) == axis


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_are_put_together_as_they_were(axis):
    volume = numbered((2, 4, 5, 6))
    slices = to_slices(volume, axis)
    assert slices.shape[0] == volume.shape[1 + axis]
    assert torch.equal(slices[1], volume.select(1 + axis, 1))
    assert torch.equal(to_volume(slices, axis, 3), volume)


def test_values_of_a_domain_are_scaled_together_and_back(tmp_path):
    folder = SliceFolder(tmp_path, axis=2)
    first, second = torch.rand(1, 8, 8, 4) * 3 - 1, torch.rand(1, 8, 8, 4) * 8
    assert folder.fill([volume_of("first", first), volume_of("second", second)], Watch())
    scaled = folder.scaled(first)
    assert scaled.min().item() == pytest.approx(-1, abs=1e-5)
    assert scaled.max().item() < 0
    assert torch.allclose(folder.unscaled(scaled), first, atol=1e-4)


def test_windows_are_parts_of_slices_and_depend_on_the_generator_alone(tmp_path):
    folder = SliceFolder(tmp_path, axis=2)
    volume = numbered()
    folder.fill([volume_of("only", volume)], Watch())
    drawn, again = (folder.draw(np.random.default_rng(4), 5, (4, 4)) for _ in range(2))
    assert torch.equal(drawn, again)
    assert drawn.shape == (5, 1, 4, 4)
    scaled = folder.scaled(volume)
    windows = {tuple(w.flatten().tolist()) for w in scaled[0].unfold(0, 4, 1).unfold(1, 4, 1).flatten(0, 2)}
    assert all(tuple(window.flatten().tolist()) in windows for window in drawn)


def test_small_slices_are_continued_to_the_size_of_the_window(tmp_path):
    folder = SliceFolder(tmp_path, axis=2)
    folder.fill([volume_of("only", numbered())], Watch())
    window = folder.draw(np.random.default_rng(0), 1, (12, 12))[0, 0]
    assert torch.equal(window[10:, :8], window[9:10, :8].expand(2, -1))
    assert torch.equal(window[:, 8:], window[:, 7:8].expand(-1, 4))


def test_empty_slices_are_never_drawn(tmp_path):
    volume = torch.full((1, 6, 6, 9), -1.0)
    volume[..., 4] = torch.rand(1, 6, 6)
    folder = SliceFolder(tmp_path, axis=2)
    folder.fill([volume_of("only", volume)], Watch())
    drawn = folder.draw(np.random.default_rng(0), 20, (6, 6))
    assert all(window.std() > 0 for window in drawn)


def test_a_volume_is_read_once_even_by_a_later_run(tmp_path):
    reads = []

    def volume() -> Volume:
        made = volume_of("only", numbered())
        return Volume("only", lambda: reads.append(1) or made.read(), made.digest)

    for _ in range(2):
        folder = SliceFolder(tmp_path, axis=2)
        assert folder.fill([volume()], Watch())
        assert torch.equal(folder.whole(folder.entries[0]), to_slices(numbered(), 2))
    assert len(reads) == 1


def test_a_file_whose_writing_was_interrupted_is_written_again(tmp_path):
    folder = SliceFolder(tmp_path, axis=2)
    folder.fill([volume_of("only", numbered())], Watch())
    (written,) = tmp_path.glob("*.npy")
    written.write_bytes(b"half")
    next(tmp_path.glob("*.json")).unlink()
    folder.fill([volume_of("only", numbered())], Watch())
    assert torch.equal(folder.whole(folder.entries[0]), to_slices(numbered(), 2))


def test_cancelling_stops_before_the_next_volume(tmp_path):
    asked = []
    watch = Watch(cancelled=lambda: asked.append(1) or len(asked) > 1)
    folder = SliceFolder(tmp_path, axis=2)
    assert not folder.fill([volume_of(str(number), numbered()) for number in range(3)], watch)
    assert len(list(tmp_path.glob("*.npy"))) == 1
