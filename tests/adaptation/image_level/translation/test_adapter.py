"""Fitting and using a translation as a training job does, on small volumes of two domains."""

from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from crosslabel.adaptation.image_level import ImageAdapter, Volume, Watch, build_adapter
from crosslabel.errors import CheckpointError, CrossLabelError, DataError
from crosslabel.images import Grid, read_grid
from crosslabel.optimisation import State
from crosslabel.preparation import Prepared
from networks.published_translator_reference import published_parts
from tiny import AFFINE, segmentation_task
from two_domains import scene, volumes

TASK = segmentation_task()
NETWORKS = {"width": 4, "blocks": 1, "style_steps": 2, "judge_steps": 2}
SHORT = {**NETWORKS, "epochs": 3, "steps_per_epoch": 3, "batch_size": 2, "clusters": 3}
SOURCE, TARGET = volumes(3), volumes(3, inverted=True, first_seed=50)


def adapter(name: str = "translation", **changes) -> ImageAdapter:
    return build_adapter(name, TASK, seed=0, **{**SHORT, **changes})


def fitted(folder: Path, name: str = "translation", **changes) -> ImageAdapter:
    made = adapter(name, **changes)
    assert made.fit(SOURCE, TARGET, folder, Watch())
    return made


def restyled(made: ImageAdapter, epoch: int, volume: Volume = SOURCE[0]) -> torch.Tensor:
    return made.volume(volume.id, volume.read().tensor, epoch)


class Stop:
    """Cancels at the n-th time that it is asked."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory) -> tuple[ImageAdapter, Path]:
    folder = tmp_path_factory.mktemp("uninterrupted")
    return fitted(folder), folder


def test_a_volume_is_seen_in_every_style_before_one_comes_again(uninterrupted):
    made, _ = uninterrupted
    seen = [restyled(made, epoch) for epoch in range(4)]
    assert all(volume.shape == SOURCE[0].read().tensor.shape for volume in seen)
    assert not any(torch.equal(seen[0], other) for other in seen[1:3])
    assert torch.equal(seen[0], seen[3])


def test_every_source_volume_lies_in_every_style_in_its_own_grid(uninterrupted):
    _, folder = uninterrupted
    files = list((folder / "translation" / "restyled").glob("*.nii"))
    assert len(files) == 3 * 3
    assert all(read_grid(file).same_as(SOURCE[0].read().grid) for file in files)


def test_pictures_show_sources_in_every_style_and_the_target(uninterrupted):
    made, _ = uninterrupted
    groups = {group: [p.title for p in made.pictures() if p.group == group] for group in {p.group for p in made.pictures()}}
    assert groups[SOURCE[0].id] == ["source", "style 1", "style 2", "style 3"]
    assert sorted(groups["target"]) == ["style 1", "style 2", "style 3"]
    assert all(p.pixels.min() >= 0 and p.pixels.max() <= 1 for p in made.pictures())


def test_facts_tell_styles_and_whether_slices_fit_together(uninterrupted):
    made, _ = uninterrupted
    facts = made.facts()
    assert facts["styles"] == 3
    assert 0 < facts["through-plane jump, mean over volumes"] <= facts["through-plane jump, worst"]
    assert facts["through-plane jump, worst volume"] in {volume.id for volume in SOURCE}
    assert facts["volumes whose slices do not fit together"] == 0


@pytest.mark.parametrize("window", [1, 13, 1000])
def test_any_size_of_window_will_do(window, tmp_path):
    made = fitted(tmp_path, window=window, content_steps=2, epochs=1, steps_per_epoch=1)
    assert restyled(made, 0).shape == SOURCE[0].read().tensor.shape


# Asked once for each volume that is cut (6), each step (9) and each restyled volume (9).
@pytest.mark.parametrize("at", [0, 4, 7, 11, 15, 20])
def test_a_fit_that_was_cancelled_anywhere_goes_on_to_the_same_result(at, uninterrupted, tmp_path):
    expected, _ = uninterrupted
    assert not adapter().fit(SOURCE, TARGET, tmp_path, Watch(cancelled=Stop(at)))
    resumed = fitted(tmp_path)
    for volume in SOURCE:
        assert torch.equal(restyled(resumed, 1, volume), restyled(expected, 1, volume))
    assert resumed.facts() == expected.facts()


def test_a_finished_fit_is_read_without_looking_at_an_image_again(uninterrupted):
    expected, folder = uninterrupted

    def fail() -> Prepared:
        raise AssertionError("a finished fit needs no image")

    blind = [[Volume(volume.id, fail, volume.digest) for volume in domain] for domain in (SOURCE, TARGET)]
    again = adapter()
    assert again.fit(*blind, folder, Watch())
    assert torch.equal(restyled(again, 2), restyled(expected, 2))


def test_a_volume_that_was_pushed_out_is_made_again_as_it_was(uninterrupted, tmp_path):
    expected, _ = uninterrupted
    bounded = fitted(tmp_path, cache_gib=1e-9)
    for epoch in range(3):
        assert torch.allclose(restyled(bounded, epoch), restyled(expected, epoch), atol=1e-5)
    assert len(list((tmp_path / "translation" / "restyled").glob("*.nii"))) == 1


def test_combinations_share_what_was_learnt(uninterrupted):
    expected, folder = uninterrupted
    before = sorted(path.stat().st_mtime_ns for path in (folder / "translation").glob("*.*"))
    both = adapter("translation+gin", share=1.0)
    assert both.fit(SOURCE, TARGET, folder, Watch())
    assert sorted(path.stat().st_mtime_ns for path in (folder / "translation").glob("*.*")) == before
    patch = restyled(both, 0)
    assert torch.equal(patch, restyled(expected, 0))
    assert not torch.equal(both.patch(patch, np.random.default_rng(0)), patch)


def test_another_seed_or_other_images_do_not_take_over_a_folder(uninterrupted):
    _, folder = uninterrupted
    with pytest.raises(CheckpointError, match="other images, settings or another seed; give another folder"):
        build_adapter("translation", TASK, seed=1, **SHORT).fit(SOURCE, TARGET, folder, Watch())
    with pytest.raises(CheckpointError, match="give another folder"):
        adapter().fit(SOURCE[:2], TARGET, folder, Watch())
    changed = replace(SOURCE[2], digest=lambda: "another image under the same id")
    with pytest.raises(CheckpointError, match="give another folder"):
        adapter().fit([*SOURCE[:2], changed], TARGET, folder, Watch())


def test_progress_is_told_from_preparing_over_training_to_restyling(tmp_path):
    events = []
    assert adapter().fit(SOURCE, TARGET, tmp_path, Watch(on_event=events.append))
    assert [event.epoch for event in events if event.state is State.TRAINING] == [0, 1, 2, 3]
    assert set(events[3].losses) >= {"reconstruction", "cycle", "content", "style", "adversarial", "content adversarial"}
    assert events[-1].message == "Restyling volume 3 of 3."


@pytest.mark.parametrize(("source", "target"), [([], TARGET), (SOURCE, [])])
def test_both_domains_are_needed(source, target, tmp_path):
    with pytest.raises(DataError, match="at least one source image and one target image"):
        adapter().fit(source, target, tmp_path, Watch())


def test_among_several_processes_one_fits_and_all_see_the_same(tmp_path):
    script = Path(__file__).with_name("fit_in_processes.py")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", script, tmp_path]
    places = os.pathsep.join(path for path in sys.path if path)
    environment = {**os.environ, "PYTHONPATH": places, "OMP_NUM_THREADS": "1"}
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    first, second = ((tmp_path / f"rank_{rank}.txt").read_text() for rank in range(2))
    assert first == second
    assert first.startswith("2 ")


def test_a_cyclegan_fits_the_same_place_with_one_style(tmp_path):
    made = fitted(tmp_path, "cyclegan")
    assert made.facts()["styles"] == 1
    assert torch.equal(restyled(made, 0), restyled(made, 1))


def test_a_published_translator_is_used_without_training(tmp_path):
    path = tmp_path / "enc_0040.pt"
    parts = published_parts(0)
    torch.save({name: part.state_dict() for name, part in parts.items()}, path)
    events = []
    made = adapter(checkpoint=path)
    assert made.fit(SOURCE[:1], TARGET[:1], tmp_path / "fit", Watch(on_event=events.append))
    assert not any(event.losses for event in events)
    assert made.facts()["styles"] == 3
    torch.save({name: part.state_dict() for name, part in published_parts(1).items()}, path)
    with pytest.raises(CheckpointError, match="give another folder"):
        adapter(checkpoint=path).fit(SOURCE[:1], TARGET[:1], tmp_path / "fit", Watch())


def test_memory_does_not_grow_with_the_number_of_volumes(tmp_path):
    shape = (64, 64, 32)  # half a megabyte each

    def many(count: int, first: int) -> list[Volume]:
        grid = Grid(shape, AFFINE)

        def read(seed: int) -> Prepared:
            return Prepared(scene(seed, shape=shape), grid, grid, TASK.domains.target)

        return [Volume(str(seed), lambda seed=seed: read(seed), lambda: "") for seed in range(first, first + count)]

    def peak(count: int) -> int:
        tracemalloc.start()
        made = adapter(epochs=1, steps_per_epoch=1, clusters=1, window=16)
        assert made.fit(many(count, 0), many(count, 100), tmp_path / str(count), Watch())
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    peak(1)
    few, several = peak(2), peak(12)
    # Twenty more volumes are ten megabytes.
    assert several - few < 2 * 2**20


@pytest.mark.parametrize("name", ["translation", "cyclegan"])
def test_a_short_training_gives_the_body_the_grey_of_the_target_and_leaves_it_where_it_is(name, tmp_path):
    """The body is grey (-.1) in the source and bright (.5) in the target, in air of -1."""
    made = fitted(tmp_path, name, width=8, epochs=4, steps_per_epoch=25, learning_rate=2e-3, clusters=1)
    for volume in SOURCE:
        before, after = volume.read().tensor, restyled(made, 0, volume)
        body, air = before > -0.4, before < -0.8
        assert after[body].median() > 0.3
        assert after[air].median() < -0.8


def test_a_loss_that_is_no_longer_finite_names_the_translators_own_learning_rate(tmp_path):
    with pytest.raises(CrossLabelError, match=r"lower adaptation\.image_level\.learning_rate in the task file"):
        adapter(learning_rate=1e20).fit(SOURCE, TARGET, tmp_path, Watch())
