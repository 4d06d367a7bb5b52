"""What waits for a label, by queries, against the same in plain Python."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter

import numpy as np
import pytest
from sqlalchemy import select

from crosslabel.images import Modality
from crosslabel.store import CaseState, Origin, PoolScan, Ranked, Store, Switch, Unranked, schema
from crosslabel.store.store import DATABASE_FILE
from store_files import write_volume

TASK = "abdomen"


def mr(dimension, modality, sequence):
    return dimension == 3 and modality in (None, Modality.MR)


def ids(cases):
    return [case.image_id for case in cases]


@pytest.fixture
def label(store, label_file):
    def save(image_id, task=TASK):
        return store.labels.save_file(task, image_id, label_file(), Origin("anna"))

    return save


def test_labelled_skipped_and_leased_images_wait_for_nobody_else(store, label, clock):
    label("mr_0")
    store.marks.skip(TASK, "mr_1", author="ben", reason="metal")
    store.leases.acquire(TASK, "mr_2", "ben", 60)
    assert ids(store.worklist.waiting(TASK, mr, "anna", limit=9)) == ["mr_3"]
    assert set(ids(store.worklist.waiting(TASK, mr, "ben", limit=9))) == {"mr_2", "mr_3"}
    assert store.worklist.left(TASK, mr, "anna") == 1
    assert len(store.worklist.waiting("heart", mr, "anna", limit=9)) == 4
    clock.advance(61)
    assert set(ids(store.worklist.waiting(TASK, mr, "anna", limit=9))) == {"mr_2", "mr_3"}


def test_a_label_that_was_sent_back_or_withdrawn_waits_again(store, label):
    for image_id in ("mr_0", "mr_1", "mr_2", "mr_3"):
        label(image_id)
    assert store.worklist.waiting(TASK, mr, "anna") == []
    store.reviews.send_back(TASK, "mr_1", 1, reviewer="carla", comment="too large")
    store.reviews.withdraw(TASK, "mr_2", reviewer="carla")
    assert set(ids(store.worklist.waiting(TASK, mr, "anna", limit=9))) == {"mr_1", "mr_2"}


def test_images_of_another_kind_or_that_cannot_be_read_do_not_wait(store):
    assert store.worklist.waiting(TASK, lambda *kind: False, "anna") == []
    store.images.mark_unreadable("mr_0", "the voxels are cut off")
    assert "mr_0" not in ids(store.worklist.waiting(TASK, mr, "anna", limit=9))


def test_pinned_images_come_first_then_the_ranking_then_the_rest(store):
    store.rankings.replace(TASK, "entropy", [Ranked("mr_2", 0.9, "unsure"), Ranked("mr_0", 0.4, "less so")], "abdomen v3")
    store.marks.pin(TASK, "mr_3", author="ben")
    waiting = store.worklist.waiting(TASK, mr, "anna", strategy="entropy", limit=9)
    assert ids(waiting) == ["mr_3", "mr_2", "mr_0", "mr_1"]
    assert [case.rank for case in waiting] == [None, 1, 2, None]
    assert (waiting[1].score, waiting[1].sentence, waiting[1].checkpoint) == (0.9, "unsure", "abdomen v3")
    store.marks.pin(TASK, "mr_3", author="ben", pinned=False)
    assert ids(store.worklist.waiting(TASK, mr, "anna", strategy="entropy", limit=2)) == ["mr_2", "mr_0"]


def test_the_rank_is_counted_among_the_images_that_wait(store, label):
    store.rankings.replace(TASK, "entropy", [Ranked(f"mr_{number}", None, "unsure") for number in range(4)])
    label("mr_0")
    store.leases.acquire(TASK, "mr_2", "ben", 60)
    waiting = store.worklist.waiting(TASK, mr, "anna", strategy="entropy", limit=9)
    assert [(case.image_id, case.rank) for case in waiting] == [("mr_1", 1), ("mr_3", 2)]


@pytest.mark.parametrize("unranked", Unranked)
def test_what_somebody_holds_comes_first_after_pinned_images(store, clock, unranked):
    for image_id in ("mr_1", "mr_3"):
        store.leases.acquire(TASK, image_id, "anna", 60)
    options = {"strategy": "entropy", "unranked": unranked, "limit": 3}
    for _ in range(5):
        waiting = store.worklist.waiting(TASK, mr, "anna", **options)
        assert ids(waiting)[:2] == ["mr_1", "mr_3"]
        assert [case.held for case in waiting] == [True, True, False]
    store.rankings.replace(TASK, "entropy", [Ranked(f"mr_{number}", None, "unsure") for number in (0, 3, 2, 1)])
    store.marks.pin(TASK, "mr_2", author="ben")
    waiting = store.worklist.waiting(TASK, mr, "anna", **options)
    assert [(case.image_id, case.rank) for case in waiting] == [("mr_2", 3), ("mr_3", 2), ("mr_1", 4)]
    clock.advance(61)
    assert ids(store.worklist.waiting(TASK, mr, "anna", **options)) == ["mr_2", "mr_0", "mr_3"]


def test_a_skipped_image_that_is_pinned_is_offered_again(store):
    store.leases.acquire(TASK, "mr_0", "anna", 60)
    store.marks.skip(TASK, "mr_0", author="anna", reason="unclear")
    assert store.leases.held(TASK) == {}
    assert store.marks.skipped(TASK) == {"mr_0": "unclear"}
    store.marks.pin(TASK, "mr_0", author="ben")
    assert ids(store.worklist.waiting(TASK, mr, "anna")) == ["mr_0"]


def test_without_a_ranking_every_image_is_as_likely_or_the_first_comes_first(store):
    drawn = Counter(ids(store.worklist.waiting(TASK, mr, "anna"))[0] for _ in range(400))
    assert set(drawn) == {"mr_0", "mr_1", "mr_2", "mr_3"}
    assert min(drawn.values()) > 50
    assert ids(store.worklist.waiting(TASK, mr, "anna", unranked=Unranked.BY_ID, limit=2)) == ["mr_0", "mr_1"]


def test_a_batch_is_taken_whole_and_never_by_two(store):
    wanted = ["mr_2", "mr_0", "mr_1"]
    assert ids(store.worklist.acquire(TASK, wanted, "anna", 60, 2)) == ["mr_2", "mr_0"]
    assert ids(store.worklist.acquire(TASK, wanted, "ben", 60, 2)) == ["mr_1"]
    assert ids(store.worklist.acquire(TASK, wanted, "anna", 60, 3)) == ["mr_2", "mr_0"]


def test_random_histories_leave_waiting_what_plain_python_says(store, label, clock):
    rng = random.Random(0)
    images = ["mr_0", "mr_1", "mr_2", "mr_3"]
    for _ in range(60):
        image = rng.choice(images)
        what = rng.choice(["label", "skip", "pin", "lease", "withdraw", "return", "later"])
        current = store.labels.current(TASK, image)
        if what == "label":
            label(image)
        elif what == "skip":
            store.marks.skip(TASK, image, author="ben")
        elif what == "pin":
            store.marks.pin(TASK, image, author="ben", pinned=rng.random() < 0.5)
        elif what == "lease":
            store.leases.acquire(TASK, image, rng.choice(["anna", "ben"]), 60)
        elif what == "withdraw" and current:
            store.reviews.withdraw(TASK, image, reviewer="carla")
        elif what == "return" and current:
            store.reviews.send_back(TASK, image, current.version, reviewer="carla", comment="again")
        elif what == "later":
            clock.advance(40)
        held, skipped = store.leases.held(TASK), store.marks.skipped(TASK)
        labels = {image: store.labels.current(TASK, image) for image in images}
        free = {image for image, its in labels.items() if its is None or its.state.value == "returned"} - set(skipped)
        expected = {image for image in free if image not in held or held[image].holder == "anna"}
        assert set(ids(store.worklist.waiting(TASK, mr, "anna", limit=9))) == expected
        assert store.worklist.left(TASK, mr, "anna") == len(expected)
        assert set(store.worklist.ids(TASK, mr)) == free
        done = [image for image, its in labels.items() if its is not None and its.state.value != "returned"]
        assert store.worklist.labelled(TASK, mr) == done
        counts = store.cases.counts(TASK, mr)
        assert sum(counts.values()) == 4
        assert counts[CaseState.LABELLED] == len(done)


def test_cases_are_listed_by_page_state_and_text(store, label):
    label("mr_1")
    store.marks.skip(TASK, "mr_2", author="ben")
    store.leases.acquire(TASK, "mr_3", "ben", 60)
    store.rankings.replace(TASK, "entropy", [Ranked("mr_0", 0.5, "")])
    total, rows = store.cases.page(TASK, mr, strategy="entropy", limit=9)
    assert total == 4
    assert [row.state.value for row in rows] == ["unlabelled", "labelled", "skipped", "leased"]
    assert [row.author for row in rows] == ["", "anna", "", "ben"]
    assert (rows[0].score, rows[0].rank, rows[0].patient) == (0.5, 1, store.images.get("mr_0").patient)
    assert store.cases.page(TASK, mr, state=CaseState.LABELLED)[1][0].updated is not None
    assert store.cases.page(TASK, mr, text="r_2")[0] == 1
    assert store.cases.page(TASK, mr, text="%")[0] == 0
    assert [row.image_id for row in store.cases.page(TASK, mr, offset=1, limit=2)[1]] == ["mr_1", "mr_2"]


def test_only_what_changed_is_looked_at_again(store, studies):
    images = ["mr_0", "mr_1", "mr_2"]
    vectors = {"features": np.arange(3, dtype=np.float32)}
    scans = [PoolScan("mr_0", {"entropy": 0.5}, vectors), PoolScan("mr_1", problem="cut off")]
    store.pool_scans.save(TASK, "abdomen v1", scans)
    assert store.pool_scans.outdated(TASK, "abdomen v1", images) == ["mr_2"]
    assert store.pool_scans.outdated(TASK, "abdomen v2", images) == images
    kept = store.pool_scans.of(TASK, "abdomen v1")
    assert dict(kept["mr_0"].scores) == {"entropy": 0.5}
    assert np.array_equal(kept["mr_0"].vectors["features"], vectors["features"])
    assert kept["mr_1"].problem == "cut off"
    assert store.scores.get(TASK, "entropy")["mr_0"].value == 0.5
    write_volume(studies / "mr_0.nii.gz", 77)
    store.scan()
    assert store.pool_scans.outdated(TASK, "abdomen v1", images) == ["mr_0", "mr_2"]


def test_a_switch_outlives_the_store(store, studies, database_url):
    assert store.switches.get(TASK) is None
    store.switches.set(TASK, Switch.PAUSED, author="anna")
    with Store(studies, database_url) as again:
        assert again.switches.get(TASK) is Switch.PAUSED


def test_an_image_that_is_removed_takes_its_marks_and_ranks_with_it(store):
    store.rankings.replace(TASK, "entropy", [Ranked("mr_0", 0.5, "")])
    store.marks.pin(TASK, "mr_0", author="anna")
    store.images.remove("mr_0")
    assert store.rankings.get(TASK, "entropy") == []
    store.rankings.replace(TASK, "entropy", [Ranked("nowhere", 0.5, ""), Ranked("mr_1", 0.1, "")])
    assert ids(store.rankings.get(TASK, "entropy")) == ["mr_1"]


def test_tables_of_version_1_are_brought_up_to_date_and_keep_their_rows(studies, label_file):
    with Store(studies) as store:
        store.scan()
        store.labels.save_file(TASK, "mr_1", label_file(), Origin("anna"))
    file = studies / ".crosslabel" / DATABASE_FILE
    with sqlite3.connect(file) as database:
        for table in ("marks", "rankings", "pool_scans", "switches"):
            database.execute(f"DROP TABLE {table}")
        database.execute("DROP INDEX images_by_kind")
        database.execute("UPDATE about SET schema_version = 1")
    with Store(studies) as store:
        assert ids(store.worklist.waiting(TASK, mr, "anna", unranked=Unranked.BY_ID, limit=9)) == ["mr_0", "mr_2", "mr_3"]
        store.marks.pin(TASK, "mr_2", author="anna")
        with store.database.reading() as connection:
            assert connection.scalar(select(schema.about.c.schema_version)) == schema.SCHEMA_VERSION
    with sqlite3.connect(file) as database:
        assert database.execute("SELECT name FROM sqlite_master WHERE name = 'images_by_kind'").fetchone()
