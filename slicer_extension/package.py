"""Packs the extension into a zip for Slicer's additional module paths, and its entry for the ExtensionsIndex.

    python -m slicer_extension.package --out dist
    python -m slicer_extension.package --out dist --repository https://github.com/OWNER/SlicerCrossLabel

The zip holds one folder, ``CrossLabel``, with what Slicer reads and nothing else.
"""

from __future__ import annotations

import argparse
import json
import re
import zipfile
from pathlib import Path

EXTENSION = Path(__file__).resolve().parent
MODULE = EXTENSION / "CrossLabel"
# The same files always make the same zip.
_DATE = (2020, 1, 1, 0, 0, 0)


def listed_files() -> list[Path]:
    """The files that the module's CMakeLists.txt installs, relative to the module's folder."""
    text = (MODULE / "CMakeLists.txt").read_text("utf-8").replace("${MODULE_NAME}", "CrossLabel")
    blocks = re.findall(r"set\(MODULE_PYTHON_(?:SCRIPTS|RESOURCES)\s+(.*?)\)", text, flags=re.DOTALL)
    return [Path(name) for block in blocks for name in block.split()]


def pack(folder: Path) -> Path:
    """Write ``CrossLabel.zip`` into a folder, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "CrossLabel.zip"
    partial = target.with_name(target.name + ".part")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, EXTENSION / "LICENSE", "CrossLabel/LICENSE")
        for file in listed_files():
            _add(archive, MODULE / file, f"CrossLabel/{file.as_posix()}")
    partial.replace(target)
    return target


def entry(repository: str | None) -> dict[str, object]:
    """The entry for the ExtensionsIndex, for the repository that it is built from."""
    found = json.loads((EXTENSION / "CrossLabel.json").read_text("utf-8"))
    return {**found, "scm_url": repository} if repository else found


def _add(archive: zipfile.ZipFile, file: Path, name: str) -> None:
    info = zipfile.ZipInfo(name, _DATE)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    archive.writestr(info, file.read_bytes())


def main() -> None:
    parser = argparse.ArgumentParser(description="Packs the 3D Slicer extension.")
    parser.add_argument("--out", type=Path, default=Path("dist"), help="folder to write into")
    parser.add_argument("--repository", help="public address of the extension's own repository, for CrossLabel.json")
    options = parser.parse_args()
    print(pack(options.out))
    if options.repository:
        target = options.out / "CrossLabel.json"
        target.write_text(json.dumps(entry(options.repository), indent=2) + "\n", encoding="utf-8")
        print(target)


if __name__ == "__main__":
    main()
