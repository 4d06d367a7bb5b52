from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LONGEST_FILE = 300


def test_imports_point_down_the_layers_and_only_the_server_imports_monai_label():
    checker = Path(sys.executable).with_name("lint-imports")
    answer = subprocess.run([checker, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout


def test_every_file_stays_short():
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in (ROOT / "lib").rglob("*.py")}
    assert {path.name: count for path, count in lines.items() if count > LONGEST_FILE} == {}
