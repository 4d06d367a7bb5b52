"""/session: an image that is predicted but does not become a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, UploadFile
from monailabel.utils.sessions import SessionInfo

from crosslabel.errors import NotFoundError
from crosslabel.images import IMAGE_SUFFIXES
from crosslabel.server.app import CrossLabelApp
from crosslabel.server.door import admit
from crosslabel.server.downloads import study_response
from crosslabel.server.routes.dependencies import App, ServerSettings
from crosslabel.server.uploads import received, received_slices

router = APIRouter(prefix="/session", tags=["Session"])


@router.put("/", summary="Open a session with an image, or with the slices of a DICOM series")
def open_session(
    app: App, settings: ServerSettings, files: Annotated[list[UploadFile], File()], uncompress: bool = False, expiry: int = 0
) -> dict[str, Any]:
    """``uncompress`` changes nothing: a zip is read as it is, and no other archive is taken."""
    upload = received(files[0], IMAGE_SUFFIXES) if len(files) == 1 else received_slices(files)
    with upload as path:
        warnings = admit(path, settings)
        session_id, session = app.sessions().add_session(path, expiry)
    return {"session_id": session_id, "session_info": _described(session), "warnings": warnings}


@router.get("/{session_id}", summary="A session, or with image=true its image")
def get_session(app: App, session_id: str, update_ts: bool = False, image: bool = False) -> Any:
    session = known_session(app, session_id, update_ts=update_ts)
    return study_response(Path(session.image)) if image else _described(session)


@router.delete("/{session_id}", summary="Remove a session and its image")
def remove_session(app: App, session_id: str) -> dict[str, Any]:
    session = known_session(app, session_id)
    app.sessions().remove_session(session_id)
    return _described(session)


def known_session(app: CrossLabelApp, session_id: str, *, update_ts: bool = False) -> SessionInfo:
    """A session by the id that a client gives.

    Raises:
        NotFoundError: there is none.
    """
    session = app.sessions().get_session(session_id, update_ts=update_ts)
    if session is None:
        raise NotFoundError("This session does not exist or has expired; upload the image again.")
    return session


def _described(session: SessionInfo) -> dict[str, Any]:
    """Without the server's own paths."""
    return {
        "name": session.name,
        "create_ts": session.create_ts,
        "last_access_ts": session.last_access_ts,
        "expiry": session.expiry,
    }
