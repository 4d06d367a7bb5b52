from __future__ import annotations

import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from crosslabel.data import read_ahead


@pytest.mark.parametrize("ahead", [1, 2, 5])
def test_items_are_read_in_order_and_no_further_ahead_than_asked(ahead):
    read: list[int] = []

    def note(item: int) -> int:
        read.append(item)
        return item * item

    for number, found in enumerate(read_ahead(note, range(6), ahead)):
        assert found == number * number
        assert len(read) <= number + 1 + ahead
    assert read == list(range(6))


def test_reading_goes_on_in_another_thread_while_an_item_is_worked_on():
    second = threading.Event()

    def read(item: int) -> int:
        if item == 1:
            second.set()
        return threading.get_ident()

    for number, thread in enumerate(read_ahead(read, range(2))):
        assert thread != threading.get_ident()
        assert number > 0 or second.wait(10)


def test_what_cannot_be_read_is_raised_when_its_turn_comes():
    found = read_ahead(lambda divisor: 6 / divisor, [3, 0, 1])
    assert next(found) == 2
    with pytest.raises(ZeroDivisionError):
        next(found)


def test_nothing_to_read():
    assert list(read_ahead(str, [])) == []


def test_numpys_blas_has_one_thread_while_reading_and_its_own_again_afterwards():
    def threads() -> list[int]:
        np.linalg.solve(np.eye(4), np.ones(4))
        return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

    before = threads()
    assert before
    (during,) = read_ahead(lambda item: threads(), [0])
    assert set(during) == {1}
    assert threads() == before
