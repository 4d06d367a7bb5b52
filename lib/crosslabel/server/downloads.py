"""Studies on their way to a client."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from fastapi.responses import FileResponse
from monailabel.utils.others.generic import get_mime_type
from starlette.background import BackgroundTask


def study_response(path: Path) -> FileResponse:
    """A file as it is, a DICOM folder as a zip that is removed once it is sent."""
    if not path.is_dir():
        return FileResponse(path, media_type=get_mime_type(path.name), filename=path.name)
    folder = Path(tempfile.mkdtemp(prefix="crosslabel-download-"))
    try:
        archive = shutil.make_archive(str(folder / "series"), "zip", path)
    except OSError:
        shutil.rmtree(folder)
        raise
    return FileResponse(
        archive,
        media_type="application/zip",
        filename=f"{path.name}.zip",
        background=BackgroundTask(shutil.rmtree, folder),
    )
