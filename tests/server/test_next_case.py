"""Which case is handed out, and what is said of it."""

from __future__ import annotations

import nibabel as nib
import pytest

from crosslabel.server.next_case import hand_out
from crosslabel.server.studies import Studies
from crosslabel.server.upkeep import Upkeep
from crosslabel.store import ImageState, Origin, Ranked, Store
from tiny import AFFINE, blobs, segmentation_task

IMAGES = ("mr_0", "mr_1", "mr_2", "mr_3")
TASK = segmentation_task()


@pytest.fixture
def studies(tmp_path):
    (tmp_path / "studies").mkdir()
    for seed, image in enumerate(IMAGES):
        nib.save(nib.Nifti1Image(blobs(seed)[0], AFFINE), tmp_path / "studies" / f"{image}.nii.gz")
    store, served = Store(tmp_path / "studies"), {TASK.name: TASK}
    store.scan()
    opened = Studies(store, served, Upkeep(store, served, follow=False, export=True))
    yield opened
    opened.close()


@pytest.fixture
def label(studies, tmp_path):
    def save(image):
        nib.save(nib.Nifti1Image(blobs(0)[1], AFFINE), tmp_path / "label.nii.gz")
        studies.store.labels.save_file(TASK.name, image, tmp_path / "label.nii.gz", Origin("anna"))

    return save


def rank(studies, *images, strategy="default"):
    order = [Ranked(image, None, f"{image} is typical.") for image in images]
    studies.store.rankings.replace(TASK.name, strategy, order, "v1")


def reasons(studies, count=1, who="anna", **options):
    return [one.why for one in hand_out(studies, TASK, who, count=count, **options)[0]]


def test_the_rank_is_counted_among_those_that_wait_now(studies, label):
    rank(studies, *IMAGES)
    label("mr_0")
    assert [(why["rank"], why["of"]) for why in reasons(studies, 3)] == [(1, 3), (2, 3), (3, 3)]


def test_a_pinned_case_keeps_its_rank(studies, label):
    rank(studies, *IMAGES)
    label("mr_1")
    studies.store.marks.pin(TASK.name, "mr_3", author="ben")
    (why,) = reasons(studies)
    assert (why["rank"], why["of"], "pinned" in why["sentence"]) == (3, 3, True)


def test_an_image_outside_the_order_says_why_chance_chose_it(studies):
    assert "no model has looked at it yet" in reasons(studies, who="anna")[0]["sentence"]
    assert "keeps no order by 'bald'" in reasons(studies, who="ben", strategy="bald")[0]["sentence"]
    ranked = next(image for image in IMAGES if image not in studies.store.leases.held(TASK.name))
    rank(studies, ranked)
    first, second = reasons(studies, 2, who="carla")
    assert (first["sentence"], first["rank"]) == (f"{ranked} is typical.", 1)
    assert (second["sentence"].endswith("all that the last look put first are taken."), second["rank"]) == (True, None)


def test_the_last_image_is_not_compared_with_others(studies, label):
    rank(studies, *IMAGES)
    for image in IMAGES[:3]:
        label(image)
    for strategy in ("default", "random", "first"):
        (why,) = reasons(studies, strategy=strategy)
        assert (why["sentence"], why["of"]) == ("It is the only image that waits.", 1)


@pytest.mark.parametrize("strategy", ["default", "random", "first"])
def test_whoever_asks_again_gets_what_they_hold_and_hoards_nothing(studies, strategy):
    handed = [hand_out(studies, TASK, "anna", strategy=strategy)[0][0] for _ in range(6)]
    assert len({one.lease.image_id for one in handed}) == 1
    assert len(studies.store.leases.held(TASK.name)) == 1
    assert handed[1].why["sentence"] == "It was handed to you before and waits for your label."
    both = {one.lease.image_id for one in hand_out(studies, TASK, "anna", strategy=strategy, count=2)[0]}
    assert handed[0].lease.image_id in both
    assert set(studies.store.leases.held(TASK.name)) == both


def test_images_that_turn_out_unreadable_are_not_counted(studies):
    path = studies.store.images.path("mr_0")
    path.write_bytes(path.read_bytes()[:-2000])
    (why,) = reasons(studies, strategy="first")
    assert (why["of"], why["sentence"]) == (3, "It is the first by name of the 3 images that wait.")


def test_no_more_images_are_read_than_are_handed_out_and_damaged_ones_are_passed_over(studies):
    rank(studies, *IMAGES)
    reasons(studies, 2)
    assert [image.id for image in studies.records() if image.verified] == ["mr_0", "mr_1"]

    damaged = studies.image_path("mr_2")
    damaged.write_bytes(damaged.read_bytes()[:500])
    given, left = hand_out(studies, TASK, "ben")
    assert [one.lease.image_id for one in given] == ["mr_3"]
    assert left == 1
    assert studies.store.images.get("mr_2").state is ImageState.UNREADABLE
