"""The runner: fills tables cell by cell, and draws them."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from benchmarks import drawing, results
from benchmarks.table import Cell, Table

console = Console()

TableName = Annotated[str, typer.Argument(help="Name of a table; 'python -m benchmarks list' shows them.")]
Full = Annotated[bool, typer.Option("--full", help="The table at its full size, for a machine with a GPU.")]


def make_app(tables: Mapping[str, Table], command: Sequence[str] = (sys.executable, "-m", "benchmarks")) -> typer.Typer:
    """The command over some tables.

    Args:
        tables: by name.
        command: starts this command again, for a cell in a process of its own.
    """
    app = typer.Typer(no_args_is_help=True, help=__doc__, pretty_exceptions_enable=False)

    def table_named(name: str, full: bool = False) -> Table:
        wanted = f"{name}_full" if full else name
        if wanted not in tables:
            raise typer.BadParameter(f"there is no table '{wanted}'; there are {', '.join(tables)}")
        return tables[wanted]

    @app.command("list")
    def list_tables() -> None:
        """Name the tables, with how many of their cells are measured."""
        for table in tables.values():
            console.print(f"{table.name:24} {len(results.load(table))}/{len(list(table.cells()))} cells   {table.title}")

    @app.command()
    def run(
        name: TableName,
        row: Annotated[str | None, typer.Option(help="Only this row.")] = None,
        column: Annotated[str | None, typer.Option(help="Only this column.")] = None,
        seed: Annotated[int | None, typer.Option(help="Only this seed.")] = None,
        again: Annotated[bool, typer.Option("--again", help="Measure cells anew that have a result.")] = False,
        minutes: Annotated[float, typer.Option(help="Longest time for one cell.")] = 10,
        full: Full = False,
    ) -> None:
        """Measure the cells that have no result yet, one process each, then draw the table.

        Example: python -m benchmarks run demonstration --row "abdomen_ct_mr, MR"
        """
        table = table_named(name, full)
        cells = list(table.cells(row, column, seed))
        failed = _measure(table, cells, again, minutes, command)
        console.print(f"Drawn: {', '.join(str(path) for path in drawing.draw(table))}", soft_wrap=True)
        if failed:
            console.print(f"[red]Not measured: {', '.join(cell.key for cell in failed)}[/red]", soft_wrap=True)
            raise typer.Exit(1)

    @app.command()
    def draw(name: TableName, full: Full = False) -> None:
        """Draw a table and its plot from the results there are."""
        console.print(", ".join(str(path) for path in drawing.draw(table_named(name, full))), soft_wrap=True)

    @app.command(hidden=True)
    def cell(name: str, row: str, column: str, seed: int) -> None:
        """Measure one cell in this process and write its result."""
        table, measured = table_named(name), Cell(row, column, seed)
        started = time.monotonic()
        metrics = table.measure(measured)
        results.save(table, measured, metrics, time.monotonic() - started)

    return app


def _measure(table: Table, cells: Sequence[Cell], again: bool, minutes: float, command: Sequence[str]) -> list[Cell]:
    """Measure what is missing; returns the cells that failed."""
    pending = [cell for cell in cells if again or not results.path_of(table, cell).is_file()]
    failed = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task(table.name, total=len(cells), completed=len(cells) - len(pending))
        for cell in pending:
            progress.update(bar, description=cell.key)
            if not _in_own_process(table, cell, minutes, command):
                failed.append(cell)
            progress.advance(bar)
    return failed


def _in_own_process(table: Table, cell: Cell, minutes: float, command: Sequence[str]) -> bool:
    try:
        answer = subprocess.run([*command, "cell", table.name, cell.row, cell.column, str(cell.seed)], timeout=minutes * 60)
    except subprocess.TimeoutExpired:
        console.print(f"[red]{cell.key} took longer than {minutes:g} minutes and was stopped.[/red]", soft_wrap=True)
        return False
    return answer.returncode == 0
