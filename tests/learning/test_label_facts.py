"""What the labels of a task say about whether there is something to learn."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from crosslabel.learning.final_labels import final_cases, training_labels
from crosslabel.learning.label_facts import facts_of
from crosslabel.store import Origin, Store
from store_files import write_volume
from tiny import classification_task, segmentation_task, write_pictures

SAVED = datetime(2026, 1, 2, tzinfo=timezone.utc)
READER = Origin("a reader")
TASK = segmentation_task()


@pytest.fixture
def studies(tmp_path):
    for name in ("mr_1", "mr_2", "ct_1"):
        write_volume(tmp_path / "studies" / f"{name}.nii.gz")
    return tmp_path / "studies"


@pytest.fixture
def store(studies):
    with Store(studies, clock=lambda: SAVED) as opened:
        opened.scan()
        yield opened


def label(store, tmp_path, *images):
    for number, image in enumerate(images):
        store.labels.save_file(TASK.name, image, write_volume(tmp_path / f"drawn_{number}.nii.gz", 2), READER)


def facts(store, task=TASK, last=None):
    return facts_of(task, training_labels(store, task), last, fewest=5)


@pytest.mark.parametrize("data", ["another hospital's", None, ["mr_1"]], ids=["a sentence", "nothing", "a list"])
def test_a_version_from_elsewhere_has_seen_none_of_the_labels_here_however_it_tells_what_it_learnt_from(store, tmp_path, data):
    label(store, tmp_path, "mr_1")
    assert facts(store, last={"data": data}).new == 1


def test_a_version_that_names_an_image_has_seen_the_labels_that_were_saved_before_it(store, tmp_path):
    label(store, tmp_path, "mr_1")
    record = {"data": {"training": ["mr_1"]}}
    assert facts(store, last={**record, "published": "2026-01-03T00:00:00+00:00"}).new == 0
    assert facts(store, last={**record, "published": "2026-01-01T00:00:00+00:00"}).new == 1
    assert facts(store).new == 1


def test_labels_that_no_round_can_learn_from_are_not_new_labels_and_are_named(store, studies, tmp_path):
    label(store, tmp_path, "mr_1", "mr_2", "ct_1")
    (studies / "mr_2.nii.gz").write_text("no longer an image")
    store.scan()
    found = facts(store)
    assert (found.final, found.new) == (1, 1)
    assert [case.id for case in final_cases(store, TASK)] == ["mr_1"]
    assert found.left_out["ct_1"] == ("Its label is not learnt from: tiny_segmentation is for MR and this image is CT.")
    assert found.left_out["mr_2"].startswith("Its label is not learnt from: the image cannot be read (")
    write_volume(studies / "mr_2.nii.gz", 3)
    store.scan()
    assert facts(store).new == 2


def test_a_class_that_the_task_no_longer_has_is_not_a_new_label_and_is_named(tmp_path):
    task = classification_task()
    folder = write_pictures(tmp_path / "pictures", 2)
    with Store(folder) as store:
        store.scan()
        for image, name in (("bright/0", "bright"), ("bright/1", "glaring"), ("dark/0", "dark")):
            store.labels.save_class(task.name, image, name, READER)
        found = facts(store, task)
    assert (found.new, found.obstacle) == (2, "")
    assert found.left_out == {"bright/1": "Its label is not learnt from: tiny_classification has no class 'glaring'."}
