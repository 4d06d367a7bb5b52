"""``python -m benchmarks``: fill tables cell by cell, and draw them."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from benchmarks import drawing, results
from benchmarks.table import Cell, Table
from benchmarks.tables import TABLES

app = typer.Typer(no_args_is_help=True, help=__doc__, pretty_exceptions_enable=False)
console = Console()

TableName = Annotated[str, typer.Argument(help="Name of a table; 'python -m benchmarks list' shows them.")]


@app.command("list")
def list_tables() -> None:
    """Name the tables, with how many of their cells are measured."""
    for table in TABLES.values():
        console.print(f"{table.name:24} {len(results.load(table))}/{len(list(table.cells()))} cells   {table.title}")


@app.command()
def run(
    name: TableName,
    row: Annotated[str | None, typer.Option(help="Only this row.")] = None,
    column: Annotated[str | None, typer.Option(help="Only this column.")] = None,
    seed: Annotated[int | None, typer.Option(help="Only this seed.")] = None,
    again: Annotated[bool, typer.Option(help="Measure cells anew that have a result.")] = False,
    minutes: Annotated[float, typer.Option(help="Longest time for one cell.")] = 10,
) -> None:
    """Measure the cells that have no result yet, one process each, then draw the table.

    Example: python -m benchmarks run demonstration --row "abdomen_ct_mr"
    """
    table = _table(name)
    cells = list(table.cells(row, column, seed))
    pending = [cell for cell in cells if again or not results.path_of(table, cell).is_file()]
    failed = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task(table.name, total=len(cells), completed=len(cells) - len(pending))
        for cell in pending:
            progress.update(bar, description=cell.key)
            if not _in_own_process(table, cell, minutes):
                failed.append(cell)
            progress.advance(bar)
    console.print(f"Drawn: {', '.join(str(path) for path in drawing.draw(table))}")
    if failed:
        console.print(f"[red]Not measured: {', '.join(cell.key for cell in failed)}; run again after mending.[/red]")
        raise typer.Exit(1)


@app.command()
def draw(name: TableName) -> None:
    """Draw a table and its plot from the results there are."""
    console.print(", ".join(str(path) for path in drawing.draw(_table(name))))


@app.command(hidden=True)
def cell(name: str, row: str, column: str, seed: int) -> None:
    """Measure one cell in this process and write its result."""
    table, measured = _table(name), Cell(row, column, seed)
    started = time.monotonic()
    metrics = table.measure(measured)
    results.save(table, measured, metrics, time.monotonic() - started)


def _in_own_process(table: Table, measured: Cell, minutes: float) -> bool:
    command = [sys.executable, "-m", "benchmarks", "cell", table.name, measured.row, measured.column, str(measured.seed)]
    try:
        return subprocess.run(command, timeout=minutes * 60).returncode == 0
    except subprocess.TimeoutExpired:
        console.print(f"[red]{measured.key} took longer than {minutes:g} minutes and was stopped.[/red]")
        return False


def _table(name: str) -> Table:
    if name not in TABLES:
        raise typer.BadParameter(f"there is no table '{name}'; there are {', '.join(TABLES)}")
    return TABLES[name]


if __name__ == "__main__":
    app()
