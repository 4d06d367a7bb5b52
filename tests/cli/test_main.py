from __future__ import annotations

import subprocess
import sys

import pytest
from typer.main import get_command

import crosslabel as package
from crosslabel.cli import app
from crosslabel.errors import NotFoundError

_ROOT = get_command(app)
COMMANDS = [[name] for name, command in _ROOT.commands.items() if not hasattr(command, "commands")] + [
    [name, below] for name, command in _ROOT.commands.items() for below in getattr(command, "commands", ())
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_with_an_example(crosslabel, command):
    result = crosslabel(*command, "--help")
    assert result.exit_code == 0
    assert f"Example: crosslabel {' '.join(command)}" in result.stdout


def test_the_command_alone_lists_the_commands(crosslabel):
    result = crosslabel()
    assert all(name in result.stdout + result.stderr for name in _ROOT.commands)


def test_help_is_shown_without_loading_torch():
    code = "import sys, crosslabel.cli; print([name for name in ('torch', 'monai', 'numpy') if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_the_version_is_that_of_the_package(crosslabel):
    assert crosslabel("--version").stdout.strip() == f"crosslabel {package.__version__}"


def test_a_mistake_is_answered_in_one_line_on_stderr(crosslabel, home):
    result = crosslabel("task", "check", "tiny_segmentatio")

    assert result.exit_code == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert "did you mean 'tiny_segmentation'?" in line


def test_what_the_machine_refuses_is_said_with_its_place(crosslabel, home, tmp_path):
    # The model folder is a file.
    (tmp_path / "models").write_text("")
    result = crosslabel("task", "check", "tiny_segmentation")

    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith(str(tmp_path / "models"))
    assert "Not a directory; check the path" in line


def test_an_error_that_nobody_foresaw_is_one_line_too_and_asks_for_a_report(crosslabel, home, monkeypatch):
    def defect(name):
        raise ZeroDivisionError("nobody\nthought of it")

    monkeypatch.setattr("crosslabel.cli.task.task_named", defect)
    result = crosslabel("task", "check", "tiny_segmentation")

    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("Unexpected ZeroDivisionError: nobody thought of it")
    assert "crosslabel --debug" in line


def test_a_misspelt_option_is_answered_with_the_usage_and_status_2(crosslabel):
    result = crosslabel("doctor", "--jsn")
    assert result.exit_code == 2
    assert "Usage: crosslabel doctor" in result.stderr


def test_debug_lets_the_trace_through(crosslabel, home):
    result = crosslabel("--debug", "task", "check", "nothing")
    assert isinstance(result.exception, NotFoundError)


def test_the_installed_script_runs_this_app():
    from importlib.metadata import entry_points

    (script,) = entry_points(group="console_scripts", name="crosslabel")
    assert script.load() is app
