"""What the labels of a task say about whether there is something to learn."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest

from crosslabel.learning.label_facts import facts_of
from crosslabel.paths import tasks_dir
from crosslabel.store import LabelRecord, LabelState
from crosslabel.tasks import load_task

SAVED = datetime(2026, 1, 2, tzinfo=timezone.utc)
LABEL = LabelRecord(
    id=1,
    task="hippocampus",
    image_id="mr_1",
    version=1,
    tag="final",
    path=Path("mr_1.nii.gz"),
    class_name=None,
    sha256="0" * 64,
    author="a reader",
    comment="",
    proposal="",
    params={},
    parents=(),
    state=LabelState.APPROVED,
    created=SAVED,
)


def new_labels(last):
    return facts_of(load_task(tasks_dir() / "hippocampus.yaml"), [LABEL], {}, last, fewest=5).new


@pytest.mark.parametrize("data", ["another hospital's", None, ["mr_1"]], ids=["a sentence", "nothing", "a list"])
def test_a_version_from_elsewhere_has_seen_none_of_the_labels_here_however_it_tells_what_it_learnt_from(data):
    assert new_labels({"data": data}) == 1


def test_a_version_that_names_an_image_has_seen_the_labels_that_were_saved_before_it():
    record = {"data": {"training": ["mr_1"]}}
    assert new_labels({**record, "published": "2026-01-03T00:00:00+00:00"}) == 0
    assert new_labels({**record, "published": "2026-01-01T00:00:00+00:00"}) == 1
    assert new_labels(None) == 1
