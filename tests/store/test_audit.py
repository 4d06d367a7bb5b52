from __future__ import annotations

import json
import multiprocessing
import os
import stat
from datetime import date

import pytest

from crosslabel.store.audit import AuditLog


@pytest.fixture
def log(tmp_path, clock):
    return AuditLog(tmp_path / "audit", clock)


def test_every_entry_says_who_did_what_to_which_image_and_when(log, clock):
    log.write("anna", "save label", task="abdomen", image_id="mr_1", request_id="r-1", version=3)
    (entry,) = log.entries()
    assert entry == {
        "when": clock.now.isoformat(),
        "who": "anna",
        "what": "save label",
        "task": "abdomen",
        "image": "mr_1",
        "request": "r-1",
        "version": 3,
    }


def test_each_day_has_its_file_which_is_for_its_owner_only(log, clock):
    log.write("anna", "read image", image_id="mr_1")
    clock.advance(24 * 3600)
    log.write("ben", "read image", image_id="mr_1")
    files = sorted(log.folder.iterdir())
    assert [file.name for file in files] == ["2030-01-31.jsonl", "2030-02-01.jsonl"]
    assert [entry["who"] for entry in log.entries(date(2030, 2, 1))] == ["ben"]
    assert [entry["who"] for entry in log.entries()] == ["anna", "ben"]
    if os.name == "posix":
        assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)


@pytest.mark.parametrize("name", ['line\nbreak "quoted" \\', "漢字", "broken\udcff", "\x00\x1b[31m"])
def test_an_entry_is_one_line_whatever_is_in_it(log, name):
    log.write("anna", "read image", image_id=name)
    log.write("ben", "read image", image_id="mr_1")
    lines = (log.folder / "2030-01-31.jsonl").read_bytes().decode().splitlines()
    assert [json.loads(line)["who"] for line in lines] == ["anna", "ben"]


def test_a_line_that_a_loss_of_power_tore_is_passed_over(log):
    log.write("anna", "read image", image_id="mr_1")
    with (log.folder / "2030-01-31.jsonl").open("ab") as file:
        file.write(b'{"when": "2030-01\n')
    log.write("ben", "read image", image_id="mr_1")
    assert [entry["who"] for entry in log.entries()] == ["anna", "ben"]


def write_many(folder, clock, who):
    log = AuditLog(folder, clock, sync=False)
    for number in range(200):
        log.write(who, "read image", image_id="x" * 300, number=number)


def test_processes_that_write_at_once_lose_and_mix_nothing(log, clock):
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=write_many, args=(log.folder, clock, str(n))) for n in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    written = sorted((entry["who"], entry["number"]) for entry in log.entries())
    assert written == [(str(n), number) for n in range(3) for number in range(200)]
