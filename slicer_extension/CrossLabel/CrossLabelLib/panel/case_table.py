"""A table of many cases that holds only the pages that are looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
from slicer.i18n import tr as _

from CrossLabelLib.client.results import Case, Cases
from CrossLabelLib.panel.texts import when

PAGE = 100
# (offset, limit, called with the page): asks the server without waiting.
Fetch = Callable[[int, int, Callable[[Cases], None]], None]


def states() -> dict[str, str]:
    """Names of the states of a case, as people say them."""
    return {
        "unlabelled": _("waiting"),
        "leased": _("in somebody's hands"),
        "labelled": _("labelled"),
        "returned": _("sent back by a reviewer"),
        "skipped": _("skipped"),
    }


class CaseTable:
    """Fills a ``QTableWidget`` with the pages that come into sight.

    All rows exist from the first answer on, so the scroll bar is right; what is in them is asked for when they are seen.

    Args:
        table: with the columns case, state, rank, patient, by, changed.
        fetch: asks for one page.
        opened: called with the case that is double-clicked.
    """

    def __init__(self, table: Any, fetch: Fetch, opened: Callable[[Case], None]) -> None:
        self._table = table
        self._fetch = fetch
        self._cases: dict[int, Case] = {}
        self._asked: set[int] = set()
        self._rows = 0
        self._list = 0
        self._wait = qt.QTimer()
        self._wait.setSingleShot(True)
        self._wait.setInterval(60)
        self._wait.timeout.connect(self._ask_for_what_is_seen)
        table.verticalScrollBar().valueChanged.connect(lambda *_: self._wait.start())
        table.cellDoubleClicked.connect(lambda row, *_: opened(self._cases[row]) if row in self._cases else None)
        table.horizontalHeader().setStretchLastSection(True)
        table.setColumnWidth(0, 130)

    @property
    def total(self) -> int:
        return self._rows

    @property
    def selected(self) -> Case | None:
        """The case of the current row, once it is known."""
        return self._cases.get(self._table.currentRow())

    def reload(self) -> None:
        """Forget all pages and ask for the first one, as after another filter."""
        self._list += 1
        self._cases.clear()
        self._asked.clear()
        self._ask(0)

    def clear(self) -> None:
        """Show nothing, as without a task."""
        self._list += 1
        self._cases.clear()
        self._asked.clear()
        self._set_rows(0)

    def _ask(self, page: int) -> None:
        if page in self._asked:
            return
        self._asked.add(page)
        asked_for = self._list
        self._fetch(page * PAGE, PAGE, lambda cases: self._show(page, cases) if asked_for == self._list else None)

    def _ask_for_what_is_seen(self) -> None:
        if not self._rows:
            return
        first = max(0, self._table.rowAt(0))
        # Below the last row of a short list there is none.
        last = self._table.rowAt(self._table.viewport().property("height") - 1)
        for page in range(first // PAGE, (self._rows - 1 if last < 0 else last) // PAGE + 1):
            self._ask(page)

    def _show(self, page: int, cases: Cases) -> None:
        if cases.total != self._rows or page == 0:
            self._set_rows(cases.total)
        for row, case in enumerate(cases.cases, start=page * PAGE):
            if row < self._rows:
                self._cases[row] = case
                for column, text in enumerate(_texts(case)):
                    self._table.setItem(row, column, qt.QTableWidgetItem(text))
        self._wait.start()

    def _set_rows(self, rows: int) -> None:
        self._rows = rows
        if not self._cases:
            self._table.clearContents()
        self._table.setRowCount(rows)


def _texts(case: Case) -> tuple[str, ...]:
    rank = case.why.rank if case.why is not None else None
    pin = "★ " if case.pinned else ""
    return (
        pin + case.id,
        states().get(case.state, case.state),
        "" if rank is None else str(rank),
        case.patient,
        case.author,
        when(case.updated),
    )
