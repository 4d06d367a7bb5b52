from __future__ import annotations

import multiprocessing

import pytest

from crosslabel.errors import NotFoundError
from crosslabel.store import Store

TASK = "abdomen"


def test_a_leased_image_is_refused_to_others_until_it_expires(store, clock):
    lease = store.leases.acquire(TASK, "mr_0", "anna", 60)
    assert (lease.holder, (lease.expires - clock.now).total_seconds()) == ("anna", 60)
    assert store.leases.acquire(TASK, "mr_0", "ben", 60) is None
    clock.advance(59)
    assert store.leases.acquire(TASK, "mr_0", "ben", 60) is None
    clock.advance(1)
    assert store.leases.acquire(TASK, "mr_0", "ben", 60).holder == "ben"
    assert store.leases.acquire(TASK, "mr_0", "anna", 60) is None


def test_a_holder_renews_and_gives_back(store, clock):
    store.leases.acquire(TASK, "mr_0", "anna", 60)
    clock.advance(30)
    assert (store.leases.acquire(TASK, "mr_0", "anna", 60).expires - clock.now).total_seconds() == 60
    assert not store.leases.release(TASK, "mr_0", "ben")
    assert store.leases.release(TASK, "mr_0", "anna")
    assert store.leases.held(TASK) == {}
    assert store.leases.acquire(TASK, "mr_0", "ben", 60)


def test_the_first_image_that_is_free_is_handed_out(store):
    def handed_out(task, wanted, holder):
        return [lease.image_id for lease in store.worklist.acquire(task, wanted, holder, 60, 1)]

    wanted = ["mr_2", "mr_0", "mr_1"]
    assert handed_out(TASK, wanted, "anna") == ["mr_2"]
    assert handed_out(TASK, wanted, "ben") == ["mr_0"]
    assert handed_out(TASK, ["mr_2", "mr_0"], "carla") == []
    assert handed_out("heart", wanted, "carla") == ["mr_2"]
    assert {image_id: lease.holder for image_id, lease in store.leases.held(TASK).items()} == {"mr_2": "anna", "mr_0": "ben"}


def test_an_unknown_image_cannot_be_leased(store):
    with pytest.raises(NotFoundError, match="no image 'nowhere'"):
        store.leases.acquire(TASK, "nowhere", "anna", 60)


def take_all(studies, url, holder, barrier, results):
    with Store(studies, url) as store:
        wanted = [image.id for image in store.images.list()]
        barrier.wait()
        taken = []
        while (free := [image_id for image_id in wanted if image_id not in taken]) and (
            lease := next(iter(store.worklist.acquire(TASK, free, holder, 60, 1)), None)
        ):
            taken.append(lease.image_id)
        results.put((holder, taken))


def test_processes_that_ask_at_once_never_get_the_same_image(store, studies, database_url):
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(4), context.Queue()
    takers = [
        context.Process(target=take_all, args=(studies, database_url, f"annotator {n}", barrier, results)) for n in range(4)
    ]
    for taker in takers:
        taker.start()
    taken = [results.get(timeout=60) for _ in takers]
    for taker in takers:
        taker.join(60)
    assert sorted(image_id for _, mine in taken for image_id in mine) == [image.id for image in store.images.list()]
