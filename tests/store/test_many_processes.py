"""Several processes and threads that open and write the store of one folder at once."""

from __future__ import annotations

import multiprocessing
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from crosslabel.store import Origin, Store
from store_files import write_volume

TASK = "abdomen"
WRITERS, EACH = 4, 12
FORK = multiprocessing.get_context("fork")


def run_at_once(target, arguments):
    """Run ``target(*arguments, n)`` in processes that wait for each other; gives their exit codes."""
    barrier = FORK.Barrier(WRITERS)

    def wait_and_run(number):
        barrier.wait()
        target(*arguments, number)

    processes = [FORK.Process(target=wait_and_run, args=(number,)) for number in range(WRITERS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    return [process.exitcode for process in processes]


def write_everything(studies, url, drawn, number):
    with Store(studies, url) as store:
        for count in range(EACH):
            store.labels.save_file(TASK, "mr_1", drawn, Origin(f"writer {number}", params={"count": count}))
            store.scores.set(TASK, f"score {number}", {"mr_1": float(count)})
            store.images.merge_info("mr_1", {f"{number}-{count}": count})
            store.labels.merge_params(TASK, "mr_2", 1, {f"{number}-{count}": count})


def test_no_update_is_lost_when_processes_write_to_the_same_records(store, studies, database_url, label_file):
    store.labels.save_file(TASK, "mr_2", label_file(2), Origin("anna"))
    assert run_at_once(write_everything, (studies, database_url, label_file(1))) == [0] * WRITERS

    history = store.labels.history(TASK, "mr_1")
    expected = {(f"writer {number}", count) for number in range(WRITERS) for count in range(EACH)}
    assert [label.version for label in history] == list(range(1, WRITERS * EACH + 1))
    assert {(label.author, label.params["count"]) for label in history} == expected
    assert len({label.path for label in history}) == len(history)
    assert all(label.path.read_bytes() == label_file(1).read_bytes() for label in history)
    assert {name: score.value for name, score in store.scores.of_image(TASK, "mr_1").items()} == {
        f"score {number}": EACH - 1 for number in range(WRITERS)
    }
    keys = {f"{number}-{count}" for number in range(WRITERS) for count in range(EACH)}
    assert store.images.get("mr_1").info.keys() == keys
    assert store.labels.get(TASK, "mr_2", 1).params.keys() == keys


def test_threads_share_an_opened_store(store, label_file):
    drawn = label_file(1)
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda n: store.labels.save_file(TASK, "mr_1", drawn, Origin(f"thread {n}")), range(48)))
    history = store.labels.history(TASK, "mr_1")
    assert [label.version for label in history] == list(range(1, 49))
    assert {label.author for label in history} == {f"thread {n}" for n in range(48)}


def open_and_scan(studies, url, number):
    with Store(studies, url) as store:
        assert store.scan().complete


@pytest.mark.parametrize("attempt", range(3))
def test_processes_that_open_a_new_store_at_once_make_it_once(studies, database_url, attempt):
    for number in range(40):
        shutil.copy(studies / "mr_0.nii.gz", studies / f"more_{number}.nii.gz")
    assert run_at_once(open_and_scan, (studies, database_url)) == [0] * WRITERS
    with Store(studies, database_url) as store:
        assert len(store.images.list()) == 44
        assert store.scan().changed == 0


def add_one(studies, url, source, number):
    with Store(studies, url) as store:
        try:
            store.images.add("upload", source)
        except Exception as error:
            if "already an image" not in str(error):
                raise
            raise SystemExit(7) from None


def test_of_uploads_under_one_name_at_once_one_wins(store, studies, database_url, tmp_path):
    source = write_volume(tmp_path / "upload.nii.gz", 9)
    assert sorted(run_at_once(add_one, (studies, database_url, source))) == [0, 7, 7, 7]
    assert store.images.path("upload").read_bytes() == source.read_bytes()
