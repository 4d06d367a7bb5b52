from __future__ import annotations

from itertools import permutations

import numpy as np
import torch

from crosslabel.adaptation.image_level import Watch
from crosslabel.adaptation.image_level.translation.slices import SliceFolder
from crosslabel.adaptation.image_level.translation.styles import StyleBank, build_style_bank
from crosslabel.networks import CycleGAN
from two_domains import volumes

CPU = torch.device("cpu")


class BrightnessStyles:
    """A translator whose style code is the mean of a slice, so that clusters can be told by hand."""

    style_size = 1

    def target_style(self, target: torch.Tensor) -> torch.Tensor:
        return target.mean(dim=(1, 2, 3))[:, None]


def slices(tmp_path, count: int = 3) -> SliceFolder:
    folder = SliceFolder(tmp_path, axis=2)
    folder.fill(volumes(count, inverted=True), Watch())
    return folder


def test_clusters_are_the_best_split_of_the_codes(tmp_path):
    bank = build_style_bank(BrightnessStyles(), slices(tmp_path), clusters=2, seed=0, device=CPU)
    codes = np.sort(bank.codes[:, 0])
    squares = [codes[:cut].var() * cut + codes[cut:].var() * (len(codes) - cut) for cut in range(1, len(codes))]
    found = sum(bank.codes[bank.clusters == style].var() * (bank.clusters == style).sum() for style in range(2))
    assert np.isclose(found, min(squares), rtol=1e-5)


def test_the_outer_sixths_of_a_volume_are_left_out(tmp_path):
    bank = build_style_bank(BrightnessStyles(), slices(tmp_path, 3), clusters=2, seed=0, device=CPU)
    assert len(bank.codes) == 3 * (12 - 2 * (12 // 6))


def test_centres_are_the_members_nearest_to_the_mean(tmp_path):
    bank = build_style_bank(BrightnessStyles(), slices(tmp_path), clusters=3, seed=0, device=CPU)
    for style, centre in enumerate(bank.centres):
        members = bank.codes[bank.clusters == style]
        assert bank.clusters[centre] == style
        assert np.abs(bank.codes[centre] - members.mean(axis=0)) <= np.abs(members - members.mean(axis=0)).min() + 1e-5


def test_there_are_no_more_clusters_than_distinct_codes(tmp_path):
    bank = build_style_bank(CycleGAN(width=4, blocks=1), slices(tmp_path), clusters=6, seed=0, device=CPU)
    assert bank.count == 1
    assert bank.draw("any", 0, seed=0).shape == (1, 0)


def test_a_member_is_drawn_from_its_cluster_by_seed_and_volume():
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(60, 8)).astype(np.float32)
    bank = StyleBank(codes, np.arange(60) % 3, np.arange(3))
    for style in range(3):
        drawn = bank.draw("a", style, seed=1).numpy()[0]
        assert any(np.array_equal(drawn, code) for code in codes[bank.clusters == style])
    assert torch.equal(bank.draw("a", 1, seed=1), bank.draw("a", 1, seed=1))
    drawn = [bank.draw(id, 0, seed) for id in "abcdefgh" for seed in range(4)]
    assert any(not torch.equal(first, second) for first, second in permutations(drawn, 2))


def test_a_bank_is_read_as_it_was_written(tmp_path):
    bank = build_style_bank(BrightnessStyles(), slices(tmp_path / "slices"), clusters=2, seed=0, device=CPU)
    bank.write(tmp_path / "styles.npz")
    again = StyleBank.read(tmp_path / "styles.npz")
    assert np.array_equal(again.codes, bank.codes)
    assert np.array_equal(again.clusters, bank.clusters)
    assert np.array_equal(again.centres, bank.centres)
