"""Tables as CSV files that people open in a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from crosslabel.errors import DataError

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def harmless(value: str) -> str:
    """A spreadsheet would run what begins like a formula; a comment must not become one."""
    return f"'{value}" if value.lstrip("'").startswith(_FORMULA_STARTS) else value


def read_table(path: Path, needed: Sequence[str] = ()) -> list[tuple[str, dict[str, str]]]:
    """The lines of a CSV file with a heading, each with its place for messages; what :func:`harmless` added is taken away.

    Columns are separated by commas, or by the semicolons that a spreadsheet writes where a comma is the decimal sign. The names
    of columns are read in small letters; spaces around names and values do not count.

    Args:
        path: the file.
        needed: columns that it has to have, with a value in every line.

    Raises:
        DataError: it is not UTF-8 text, cannot be read as a table, or lacks what is needed.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            heading = file.readline()
            file.seek(0)
            rows = list(csv.DictReader(file, delimiter=";" if ";" in heading and "," not in heading else ","))
    except OSError as error:
        raise DataError(f"{path.name} cannot be opened ({error.strerror}); check the path.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path.name} is not a CSV file in UTF-8; save it again as 'CSV UTF-8'.") from error
    lines = [(f"{path.name}, line {number}", _tidy(row)) for number, row in enumerate(rows, start=2)]
    for place, line in lines:
        for column in needed:
            if column not in line:
                raise DataError(
                    f"{path.name} has no column '{column}'; its columns are {', '.join(line)}. Call it so in the first line."
                )
            if not line[column]:
                raise DataError(f"{place}: '{column}' is empty; the columns {' and '.join(needed)} are needed in every line.")
    return lines


def _tidy(row: dict[str, str | None]) -> dict[str, str]:
    # Cells beyond the heading come under None.
    named = {name: value for name, value in row.items() if isinstance(name, str)}
    return {name.strip().lower(): _plain((value or "").strip()) for name, value in named.items()}


def _plain(value: str) -> str:
    begins = value.startswith("'") and value.lstrip("'").startswith(_FORMULA_STARTS)
    return value[1:] if begins else value
