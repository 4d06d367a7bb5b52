"""Work in threads whose results arrive on the main thread."""

import threading

import pytest

from CrossLabelLib.background import Background
from CrossLabelLib.client.errors import ServerError


@pytest.fixture
def background(loop):
    return Background(loop.later, 5)


class Heard:
    """Results in the order of their arrival, and the thread that they arrived in."""

    def __init__(self) -> None:
        self.results, self.errors, self.progress, self.threads = [], [], [], set()

    def done(self, result) -> None:
        self.threads.add(threading.current_thread())
        self.results.append(result)

    def failed(self, error) -> None:
        self.threads.add(threading.current_thread())
        self.errors.append(error)

    def advance(self, done, total) -> None:
        self.threads.add(threading.current_thread())
        self.progress.append((done, total))


def test_results_failures_and_progress_arrive_on_the_main_thread(background, loop):
    heard, worked_in = Heard(), []

    def work(job):
        worked_in.append(threading.current_thread())
        job.report(1, 2)
        return "fine"

    def fail(job):
        raise ServerError("No.", "refused")

    background.run(work, heard.done, heard.failed, heard.advance)
    background.run(fail, heard.done, heard.failed)
    loop.until(lambda: heard.results and heard.errors)
    assert (heard.results, heard.errors[0].sentence, heard.progress) == (["fine"], "No.", [(1, 2)])
    assert heard.threads == {threading.main_thread()}
    assert worked_in != [threading.main_thread()]


def test_the_main_thread_goes_on_while_something_waits(background, loop):
    heard, release, turns = Heard(), threading.Event(), []
    background.run(lambda job: release.wait(30), heard.done, heard.failed)

    def turn():
        turns.append(1)
        loop.later(1, turn)

    turn()
    loop.until(lambda: len(turns) > 20)
    assert heard.results == []
    release.set()
    loop.until(lambda: heard.results)


def test_what_was_cancelled_is_dropped_and_nobody_waits_for_it(background, loop):
    heard, release = Heard(), threading.Event()
    job = background.run(lambda job: release.wait(30), heard.done, heard.failed, replaces="slow")
    assert background.busy("slow")
    job.cancel()
    assert not background.busy()
    release.set()
    background.run(lambda job: "next", heard.done, heard.failed)
    loop.until(lambda: heard.results)
    assert heard.results == ["next"]


def test_newer_work_of_the_same_name_replaces_older(background, loop):
    heard, release = Heard(), threading.Event()
    background.run(lambda job: release.wait(30) and "old", heard.done, heard.failed, replaces="list")
    background.run(lambda job: "new", heard.done, heard.failed, replaces="list")
    release.set()
    background.run(lambda job: "other", heard.done, heard.failed, replaces="else")
    loop.until(lambda: len(heard.results) == 2)
    assert sorted(heard.results) == ["new", "other"]


@pytest.mark.parametrize(
    ("error", "says"),
    [(ZeroDivisionError("x"), "ZeroDivisionError"), (OSError(28, "No space left on device"), "No space left")],
)
def test_a_defect_of_the_work_becomes_a_sentence(background, loop, error, says):
    heard = Heard()

    def work(job):
        raise error

    background.run(work, heard.done, heard.failed)
    loop.until(lambda: heard.errors)
    assert says in heard.errors[0].sentence


def test_a_receiver_that_fails_does_not_keep_others_from_hearing(background, loop, caplog):
    heard = Heard()
    background.run(lambda job: 1, lambda result: 1 / 0, heard.failed)
    background.run(lambda job: 2, heard.done, heard.failed)
    loop.until(lambda: heard.results)
    background.run(lambda job: 3, heard.done, heard.failed)
    loop.until(lambda: len(heard.results) == 2)
    assert "could not be shown" in caplog.text


def test_only_the_newest_progress_is_shown(loop):
    heard, background, reported = Heard(), Background(loop.later, 5), threading.Event()

    def work(job):
        for count in range(1000):
            job.report(count, 1000)
        reported.set()
        return "done"

    background.run(work, heard.done, heard.failed, heard.advance)
    reported.wait(10)
    loop.until(lambda: heard.results)
    assert heard.progress == [(999, 1000)]
