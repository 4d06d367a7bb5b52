from __future__ import annotations

import json
from dataclasses import replace

import pytest
from benchmarks.table import Cell, Table, difference
from benchmarks.tables import TABLES
from benchmarks.tables.adaptation_accuracy import gap_closed

from benchmarks import drawing, results


def table(**changes) -> Table:
    settings = {
        "name": "example",
        "title": "Example",
        "rows": ("ours", "theirs"),
        "columns": ("phantoms", "real"),
        "seeds": (0, 1),
        "measure": lambda cell: {"dice": 0.5 + 0.1 * cell.seed},
        "metrics": {"dice": "mean"},
        **changes,
    }
    return Table(**settings)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "RESULTS", tmp_path)


def measure(shown: Table, **only) -> None:
    for cell in shown.cells(**only):
        results.save(shown, cell, shown.measure(cell), seconds=1.0)


def test_a_table_has_one_cell_for_each_row_column_and_seed():
    assert len(set(table().cells())) == 8
    assert {cell.column for cell in table().cells(row="ours", seed=1)} == {"phantoms", "real"}


def test_a_result_says_what_where_and_with_which_code_it_was_measured():
    measure(table(), row="ours", column="real", seed=1)

    (path,) = results.RESULTS.rglob("*.json")
    result = json.loads(path.read_text())

    assert (result["row"], result["column"], result["seed"]) == ("ours", "real", 1)
    assert result["metrics"] == {"dice": 0.6}
    assert result["machine"]["cores"] >= 1
    assert result["machine"]["torch"]
    assert "commit" in result


def test_only_the_cells_of_a_table_count_as_its_results():
    measure(table())
    narrower = table(rows=("ours",), seeds=(0,))
    assert set(results.load(narrower)) == {Cell("ours", "phantoms", 0), Cell("ours", "real", 0)}


def test_a_drawn_table_shows_mean_and_spread_and_leaves_open_what_was_not_measured():
    shown = table()
    measure(shown, row="ours", column="phantoms")

    text_path, picture = drawing.draw(shown)

    text = text_path.read_text()
    assert "| ours | 0.550 ± 0.071 (n=2) | open |" in text
    assert "| theirs | open | open |" in text
    assert "python -m benchmarks run example" in text
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_pooled_column_takes_cells_together_of_rows_that_have_all_of_them():
    shown = table(pooled={"both": ("phantoms", "real")})
    measure(shown, row="ours")
    measure(shown, row="theirs", column="real")

    text = drawing.markdown(shown, results.load(shown))

    assert "| | phantoms | real | both |" in text
    assert "| ours | 0.550 ± 0.071 (n=2) | 0.550 ± 0.071 (n=2) | 0.550 ± 0.058 (n=4) |" in text
    assert "| theirs | open | 0.550 ± 0.071 (n=2) | open |" in text


def test_a_difference_is_taken_where_both_cells_were_measured():
    dice = {("ours", 0): 0.7, ("theirs", 0): 0.4, ("ours", 1): 0.8}
    measured = {Cell(row, "phantoms", seed): {"dice": value} for (row, seed), value in dice.items()}

    found = difference(measured, "dice", "gained", lambda cell: None if cell.row == "theirs" else replace(cell, row="theirs"))

    assert {cell: metrics["gained"] for cell, metrics in found.items()} == pytest.approx({Cell("ours", "phantoms", 0): 0.3})


def test_the_gap_that_partitions_close_together_is_that_of_their_means():
    dice = {"source only": (0.1, 0.5), "full method": (0.5, 0.6), "oracle": (0.9, 0.6)}
    single = {Cell(row, f"T1c to FLAIR, 1{n} to others", 0): {"dice": dice[row][n - 2]} for row in dice for n in (2, 3)}
    pooled = {Cell(row, "T1c to FLAIR, all partitions", n): {"dice": dice[row][n]} for row in dice for n in (0, 1)}

    closed = {
        cell: found["gap closed"] for cell, found in gap_closed({**single, **pooled}).items() if cell.row == "full method"
    }

    assert closed == pytest.approx(
        {
            Cell("full method", "T1c to FLAIR, 12 to others", 0): 0.4 / 0.8,
            Cell("full method", "T1c to FLAIR, 13 to others", 0): 0.1 / 0.1,
            Cell("full method", "T1c to FLAIR, all partitions", 0): 0.5 / 0.9,
        }
    )


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_committed_table_can_be_drawn_and_has_no_two_cells_in_one_file(name):
    shown = TABLES[name]
    cells = list(shown.cells())
    assert len({cell.key for cell in cells}) == len(cells)
    assert shown.title in drawing.markdown(shown, {})
