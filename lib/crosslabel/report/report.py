"""A report put together from headings, text, tables, facts and figures."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as Picture

import crosslabel
from crosslabel.files import replacing
from crosslabel.report import html

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DOTS_PER_INCH = 110


class Section:
    """Part of a report, under a heading; what is added stands in the order in which it was added.

    All text is escaped, so that a file name or a clinician's comment can never become markup.

    Args:
        heading: its title.
    """

    def __init__(self, heading: str) -> None:
        self.heading = heading
        self._parts: list[str] = []

    def text(self, paragraph: str) -> Section:
        """Add a paragraph."""
        self._parts.append(f"<p>{escape(paragraph)}</p>")
        return self

    def facts(self, facts: Mapping[str, Any]) -> Section:
        """Add names with their values, such as settings; nested mappings are flattened as ``outer.inner``."""
        rows = [(name, _shown(value)) for name, value in _flat(facts)]
        self._parts.append(html.facts(rows))
        return self

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[Any]], caption: str = "") -> Section:
        """Add a table; numbers are aligned at the right and floats shown with three digits.

        Args:
            headers: one for each column.
            rows: of as many cells as there are headers; ``None`` is shown as a dash.
            caption: says what the table shows.

        Raises:
            ValueError: a row has another number of cells than there are headers.
        """
        for number, row in enumerate(rows, start=1):
            if len(row) != len(headers):
                raise ValueError(f"row {number} has {len(row)} cells and the table {len(headers)} columns")
        cells = [[(_shown(value), isinstance(value, int | float | np.number)) for value in row] for row in rows]
        self._parts.append(html.table(headers, cells, caption))
        return self

    def figure(self, figure: Figure, caption: str = "") -> Section:
        """Add a matplotlib figure as it is now; a later change of it does not show."""
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=_DOTS_PER_INCH, bbox_inches="tight")
        self._parts.append(html.picture(content.getvalue(), caption))
        return self

    def picture(self, array: np.ndarray, caption: str = "", width: int | None = None) -> Section:
        """Add an image.

        Args:
            array: (rows, columns) or (rows, columns, 3), ``uint8``, or floats from 0 to 1.
            caption: says what it shows.
            width: in pixels on the page; that of the array if ``None``.

        Raises:
            ValueError: another shape or type.
        """
        self._parts.append(html.picture(_png(array), caption, width))
        return self

    def gallery(self, pictures: Sequence[tuple[np.ndarray, str]], caption: str = "", width: int | None = None) -> Section:
        """Add images side by side.

        Args:
            pictures: each an array as :meth:`picture` takes it, and what it shows.
            caption: says what they show together.
            width: of each, in pixels on the page; that of its array if ``None``.

        Raises:
            ValueError: an array of another shape or type.
        """
        self._parts.append(html.gallery([html.picture(_png(array), title, width) for array, title in pictures], caption))
        return self

    def html(self) -> str:
        """The section as HTML."""
        return html.section(self.heading, self._parts)


class Report:
    """A report of a job or a comparison.

    Args:
        title: of the report.
        subtitle: what it is about, in a sentence.
    """

    def __init__(self, title: str, subtitle: str = "") -> None:
        self.title = title
        self.subtitle = subtitle
        self._sections: list[Section] = []

    def section(self, heading: str) -> Section:
        """Open a new section at the end."""
        section = Section(heading)
        self._sections.append(section)
        return section

    def html(self) -> str:
        """The whole report: no script, and nothing that is fetched from elsewhere."""
        written = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
        footer = f"Written by CrossLabel {crosslabel.__version__} on {written}. Research software, not a medical device."
        return html.page(self.title, self.subtitle, [section.html() for section in self._sections], footer)

    def write(self, path: Path) -> None:
        """Write the report in one step: a reader finds it whole, or not at all."""
        with replacing(path) as temporary:
            temporary.write_text(self.html(), encoding="utf-8")


def _flat(facts: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in facts.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{prefix}{name}.")
        else:
            rows.append((f"{prefix}{name}", value))
    return rows


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        return f"{value:.3f}" if 1e-3 <= abs(value) < 1e5 or value == 0 else f"{value:.3g}"
    if isinstance(value, list | tuple):
        return ", ".join(_shown(item) for item in value)
    return str(value)


def _png(array: np.ndarray) -> bytes:
    content = io.BytesIO()
    Picture.fromarray(_bytes_of(array)).save(content, format="png")
    return content.getvalue()


def _bytes_of(array: np.ndarray) -> np.ndarray:
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3):
        raise ValueError(f"a picture has the shape (rows, columns) or (rows, columns, 3), not {array.shape}")
    if array.dtype == np.uint8:
        return array
    if not np.issubdtype(array.dtype, np.floating):
        raise ValueError(f"a picture holds uint8, or floats from 0 to 1, not {array.dtype}")
    return (np.clip(np.nan_to_num(array), 0, 1) * 255).round().astype(np.uint8)
