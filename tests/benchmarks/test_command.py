"""The runner as a command, on a table that takes no time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from waiting import PATIENCE

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
import sys, time
from pathlib import Path
from benchmarks import results
from benchmarks.command import make_app
from benchmarks.table import Table

def measure(cell):
    if cell.row == "fails":
        raise ValueError("cannot be measured")
    if cell.row == "hangs":
        time.sleep(600)
    return {"value": float(cell.seed)}

results.RESULTS = Path(sys.argv.pop(1))
table = Table("quick", "Quick", ("works", "fails", "hangs"), ("here",), (3,), measure, {"value": "n"})
# A cell runs this very script in a process of its own.
full = Table("quick_full", "Quick at full size", ("works",), ("here",), (4,), measure, {"value": "n"})
make_app({"quick": table, "quick_full": full}, command=[sys.executable, __file__, str(results.RESULTS)])()
"""


def run(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    script = tmp_path / "quick.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), str(tmp_path / "results"), *arguments]
    return subprocess.run(command, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=PATIENCE)


def test_a_cell_that_fails_is_named_and_leaves_no_result(tmp_path):
    answer = run(tmp_path, "run", "quick", "--row", "fails")

    assert answer.returncode == 1
    assert "Not measured: fails__here__3" in answer.stdout
    assert not list((tmp_path / "results" / "quick").glob("*.json"))


def test_a_cell_that_takes_too_long_is_stopped_and_named(tmp_path):
    answer = run(tmp_path, "run", "quick", "--row", "hangs", "--minutes", "0.05")

    assert answer.returncode == 1
    assert "hangs__here__3 took longer than 0.05 minutes" in answer.stdout


def test_a_measured_cell_is_not_measured_again_unless_asked(tmp_path):
    assert run(tmp_path, "run", "quick", "--row", "works").returncode == 0
    path = tmp_path / "results" / "quick" / "works__here__3.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "metrics": {"value": 99}}))

    assert run(tmp_path, "run", "quick", "--row", "works").returncode == 0
    assert json.loads(path.read_text())["metrics"] == {"value": 99}
    assert run(tmp_path, "run", "quick", "--row", "works", "--again").returncode == 0
    assert json.loads(path.read_text())["metrics"] == {"value": 3.0}


def test_the_full_size_is_a_table_of_its_own_and_one_that_has_none_says_so(tmp_path):
    assert run(tmp_path, "run", "quick", "--full").returncode == 0
    assert json.loads((tmp_path / "results" / "quick_full" / "works__here__4.json").read_text())["metrics"] == {"value": 4}
    assert not (tmp_path / "results" / "quick").exists()

    answer = run(tmp_path, "run", "quick_full", "--full")
    assert answer.returncode == 2
    assert "no table 'quick_full_full'" in answer.stderr
