"""Tables as CSV files that people open in a spreadsheet."""

from __future__ import annotations

import csv
from pathlib import Path

from crosslabel.errors import DataError

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def harmless(value: str) -> str:
    """A spreadsheet would run what begins like a formula; a comment must not become one."""
    return f"'{value}" if value.lstrip("'").startswith(_FORMULA_STARTS) else value


def read_table(path: Path) -> list[tuple[str, dict[str, str]]]:
    """The lines of a CSV file with a heading, each with its place for messages; what :func:`harmless` added is taken away.

    Raises:
        DataError: it is not UTF-8 text, or cannot be read as a table.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path.name} is not a CSV file in UTF-8; save it again as 'CSV UTF-8'.") from error
    return [
        (f"{path.name}, line {number}", {name: _plain(value or "") for name, value in row.items() if isinstance(name, str)})
        for number, row in enumerate(rows, start=2)
    ]


def _plain(value: str) -> str:
    begins = value.startswith("'") and value.lstrip("'").startswith(_FORMULA_STARTS)
    return value[1:] if begins else value
