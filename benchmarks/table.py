"""A table of measurements: rows times columns times seeds, one cell for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

Measurement = Callable[["Cell"], dict[str, float]]
Derivation = Callable[[dict["Cell", dict[str, float]]], dict["Cell", dict[str, float]]]


@dataclass(frozen=True)
class Cell:
    """One measurement: what is measured (row), on what (column), and the seed of everything random in it."""

    row: str
    column: str
    seed: int

    @property
    def key(self) -> str:
        """Name of its result file."""
        return f"{_slug(self.row)}__{_slug(self.column)}__{self.seed}"


@dataclass(frozen=True)
class Table:
    """What is measured and how it is shown.

    Attributes:
        name: of the table and of its folder under ``benchmarks/results``.
        title: headline of the drawn table.
        rows: what is compared.
        columns: what it is compared on.
        seeds: repetitions; the drawn table shows mean and standard deviation over them.
        measure: returns the numbers of one cell; runs in a process of its own, for at most ten minutes.
        metrics: the numbers to show, with their unit or meaning.
        note: what a reader has to know to understand the numbers.
        derive: more metrics of a cell from those of all cells, such as its place between two others.
        baseline: row that the others are compared with seed by seed; empty for none.
        across: ``rows``, ``columns`` or ``metrics`` whose names hold a number that the plot has on its horizontal axis;
            empty for points side by side.
        pooled: further columns of the drawn table, by name the columns whose cells they take together, each as a repetition.
    """

    name: str
    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    seeds: tuple[int, ...]
    measure: Measurement
    metrics: dict[str, str]
    note: str = ""
    derive: Derivation = lambda measured: {}
    baseline: str = ""
    across: str = ""
    pooled: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def cells(self, row: str | None = None, column: str | None = None, seed: int | None = None) -> Iterator[Cell]:
        """The cells, all or those of one row, column or seed."""
        for each_seed in self.seeds:
            for each_row in self.rows:
                for each_column in self.columns:
                    cell = Cell(each_row, each_column, each_seed)
                    if row in (None, each_row) and column in (None, each_column) and seed in (None, each_seed):
                        yield cell


def values_of(found: dict[Cell, dict[str, Any]], row: str, column: str, metric: str, seed: int | None = None) -> list[float]:
    """What was measured of one metric, over all seeds or one."""
    return [
        result["metrics"][metric]
        for cell, result in found.items()
        if (cell.row, cell.column) == (row, column) and metric in result["metrics"] and seed in (None, cell.seed)
    ]


def difference(
    measured: dict[Cell, dict[str, float]], metric: str, name: str, reference: Callable[[Cell], Cell | None]
) -> dict[Cell, dict[str, float]]:
    """A metric of cells less that of others, under a name of its own.

    Args:
        measured: metrics of cells.
        metric: that is compared.
        name: of the difference.
        reference: the cell that a cell is compared with; ``None`` for one that is not compared.
    """
    found = {}
    for cell, metrics in measured.items():
        other = reference(cell)
        if other in measured:
            found[cell] = {name: metrics[metric] - measured[other][metric]}
    return found


def with_pooled(table: Table, found: dict[Cell, dict[str, Any]]) -> dict[Cell, dict[str, Any]]:
    """What was found, and the same again in the pooled columns, whose seeds number the cells that they take together.

    A row that lacks one of the columns is not pooled: it would be compared on fewer, and perhaps easier ones.
    """
    more = {}
    for name, columns in table.pooled.items():
        for row in table.rows:
            groups = [[Cell(row, column, seed) for column in columns] for seed in table.seeds]
            whole = [cell for group in groups if all(cell in found for cell in group) for cell in group]
            more |= {Cell(row, name, number): found[cell] for number, cell in enumerate(whole)}
    return {**found, **more}


def _slug(text: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in text.lower())
