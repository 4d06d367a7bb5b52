"""What the extension's core may use: it runs inside Slicer's own Python."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

_CORE = Path(__file__).parents[2] / "slicer_extension" / "CrossLabel" / "CrossLabelLib"
_BUNDLED = {"numpy", "requests", "urllib3", "CrossLabelLib"}
_MRML = {"slicer", "vtk"}
_QT = {"qt", "ctk", "PySide6", "PythonQt"}
# Widgets and their helpers are the only ones that see Qt.
_WIDGETS = "panel"


def _files() -> list[Path]:
    return sorted(_CORE.rglob("*.py"))


def _imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    relative = [node.module for node in nodes if isinstance(node, ast.ImportFrom) and not node.level]
    return {name.split(".")[0] for name in (*plain, *filter(None, relative))}


@pytest.mark.parametrize("path", _files(), ids=lambda path: str(path.relative_to(_CORE)))
def test_every_file_is_python_3_9_and_imports_only_what_slicer_bundles(path):
    ast.parse(path.read_text("utf-8"), feature_version=(3, 9))
    part = path.relative_to(_CORE).parts[0]
    allowed = _BUNDLED | ({*_MRML} if part == "scene" else set()) | ({*_MRML, *_QT} if part == _WIDGETS else set())
    assert _imported(path) - set(sys.stdlib_module_names) <= allowed


@pytest.mark.parametrize("path", _files(), ids=lambda path: str(path.relative_to(_CORE)))
def test_annotations_are_not_evaluated_where_python_3_9_could_not(path):
    # "int | None" in an annotation is a TypeError there, unless annotations stay text.
    tree = ast.parse(path.read_text("utf-8"))
    unions = [node for node in ast.walk(tree) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr)]
    if not any(isinstance(side, ast.Constant) and side.value is None for node in unions for side in (node.left, node.right)):
        return
    futures = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    assert any(alias.name == "annotations" for node in futures for alias in node.names)


def test_every_file_compiles(tmp_path):
    command = [sys.executable, "-m", "compileall", "-q", "-f", str(_CORE)]
    subprocess.run(command, check=True, env={"PYTHONPYCACHEPREFIX": str(tmp_path)})


def test_the_core_is_imported_without_slicer_and_qt():
    modules = [".".join(path.relative_to(_CORE.parent).with_suffix("").parts) for path in _files()]
    core = [name for name in modules if name.split(".")[1] not in ("scene", _WIDGETS)]
    blocked = "".join(f"sys.modules[{name!r}] = None; " for name in sorted(_MRML | _QT))
    script = f"import sys; {blocked}sys.path.insert(0, {str(_CORE.parent)!r}); import {', '.join(core)}"
    subprocess.run([sys.executable, "-c", script], check=True)
