"""The list of cases, with more of them than anybody wants to load."""

from __future__ import annotations

import time

import pytest
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QTableWidget

from CrossLabelLib.client.results import Case, Cases, Why

MANY = 10_000


class Listing:
    """Answers pages of a long list, as a server would, at once or later."""

    def __init__(self, total: int = MANY) -> None:
        self.total = total
        self.asked: list[int] = []
        self.waiting: list = []
        self.at_once = True

    def __call__(self, offset, limit, done):
        self.asked.append(offset)
        page = [
            Case(f"case-{number:05d}", "unlabelled", why=Why(rank=number + 1))
            for number in range(offset, min(offset + limit, self.total))
        ]
        answer = Cases(self.total, tuple(page))
        if self.at_once:
            done(answer)
        else:
            self.waiting.append((done, answer))

    def answer(self):
        while self.waiting:
            done, answer = self.waiting.pop(0)
            done(answer)


@pytest.fixture
def listing():
    return Listing()


@pytest.fixture
def shown(app, listing):
    from CrossLabelLib.panel.case_table import CaseTable

    widget = QTableWidget(0, 6)
    widget.resize(600, 300)
    widget.show()
    opened: list[Case] = []
    cases = CaseTable(widget, listing, opened.append)
    cases.reload()
    # The range of the scroll bar is set when the table is laid out.
    QTest.qWait(10)
    yield widget, cases, opened
    widget.close()


def text(widget: QTableWidget, row: int, column: int = 0) -> str:
    item = widget.item(row, column)
    return item.text() if item else ""


def test_all_rows_exist_but_only_the_first_page_is_asked_for(shown, listing):
    widget, cases, _ = shown
    assert widget.rowCount() == cases.total == MANY
    assert listing.asked == [0]
    assert text(widget, 0) == "case-00000"
    assert text(widget, 5000) == ""


def test_scrolling_to_the_middle_asks_for_the_middle_alone(shown, listing):
    widget, _, _ = shown
    widget.verticalScrollBar().setValue(5000)
    QTest.qWait(120)
    assert listing.asked == [0, 5000]
    assert text(widget, 5000) == "case-05000"
    assert text(widget, 2000) == ""


def test_dragging_through_the_list_asks_once_where_it_stops(shown, listing):
    widget, _, _ = shown
    for row in range(0, 9000, 500):
        widget.verticalScrollBar().setValue(row)
    QTest.qWait(120)
    assert listing.asked == [0, 8500]


def test_a_page_that_arrives_after_another_filter_is_dropped(shown, listing):
    widget, cases, _ = shown
    listing.at_once = False
    widget.verticalScrollBar().setValue(700)
    QTest.qWait(120)
    listing.total = 3
    cases.reload()
    listing.answer()
    assert widget.rowCount() == 3
    assert [text(widget, row) for row in range(3)] == ["case-00000", "case-00001", "case-00002"]


def test_the_selected_case_is_the_one_of_the_row_and_a_double_click_opens_it(shown):
    widget, cases, opened = shown
    widget.setCurrentCell(7, 0)
    assert cases.selected.id == "case-00007"
    widget.cellDoubleClicked.emit(7, 0)
    assert [case.id for case in opened] == ["case-00007"]


def test_nothing_is_selected_in_a_row_that_has_not_arrived(shown):
    widget, cases, opened = shown
    widget.setCurrentCell(6000, 0)
    widget.cellDoubleClicked.emit(6000, 0)
    assert cases.selected is None
    assert opened == []


def test_filtering_and_scrolling_ten_thousand_cases_is_measured(shown, capsys):
    """Prints what the table itself takes; the goal is 100 ms."""
    widget, cases, _ = shown

    def seconds(action):
        start = time.perf_counter()
        action()
        QTest.qWait(0)
        return time.perf_counter() - start

    filtering = min(seconds(cases.reload) for _ in range(5))
    scrolling = min(seconds(lambda: widget.verticalScrollBar().setValue(4321)) for _ in range(5))
    with capsys.disabled():
        print(f"\n10,000 cases: shown in {1000 * filtering:.0f} ms, scrolled in {1000 * scrolling:.0f} ms", end=" ")
    assert widget.rowCount() == MANY
