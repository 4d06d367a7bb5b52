"""``crosslabel serve``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from crosslabel.server.settings import IdentityPolicy, Settings

_GUARDS = "Other machines"
_LIMITS = "Uploads and log"


def serve(
    studies: Annotated[Path, typer.Option(help="Folder of the images; labels are saved below it.")],
    host: Annotated[
        str, typer.Option(help="Address to listen on; one that others reach needs a token and a certificate.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8000,
    tasks: Annotated[str | None, typer.Option(help="Only these tasks, as in: abdomen_ct_mr,hippocampus")] = None,
    train_on: Annotated[
        Literal["final", "approved"], typer.Option(help="Train on all final labels, or on those that a reviewer approved.")
    ] = "final",
    source: Annotated[
        list[str] | None,
        typer.Option(help="Labelled folder to adapt from, as in ct=/data/ct; may be given several times."),
    ] = None,
    certificate: Annotated[Path | None, typer.Option(help="TLS certificate, PEM.", rich_help_panel=_GUARDS)] = None,
    key: Annotated[Path | None, typer.Option(help="Key of the certificate, PEM.", rich_help_panel=_GUARDS)] = None,
    require_token: Annotated[
        bool,
        typer.Option(
            "--require-token", help="Ask for a token on this machine too, as behind a proxy.", rich_help_panel=_GUARDS
        ),
    ] = False,
    insecure: Annotated[
        bool,
        typer.Option(
            "--insecure",
            help="Let other machines in without TLS and, unless --require-token is given, without a token.",
            rich_help_panel=_GUARDS,
        ),
    ] = False,
    max_upload: Annotated[float, typer.Option(min=0.0, help="Largest upload, in GB.", rich_help_panel=_LIMITS)] = 2.0,
    identities: Annotated[
        IdentityPolicy,
        typer.Option(help="What to do with DICOM uploads that say who the patient is.", rich_help_panel=_LIMITS),
    ] = IdentityPolicy.WARN,
    log_file: Annotated[
        Path | None, typer.Option(help="Log of every request, JSON lines, rotated at 10 MiB.", rich_help_panel=_LIMITS)
    ] = None,
) -> None:
    """Serve a folder of studies to 3D Slicer and every other MONAI Label client."""
    from crosslabel.server.serve import Listener
    from crosslabel.server.serve import serve as run_server
    from crosslabel.server.sources import parse_sources

    chosen = None if tasks is None else [name.strip() for name in tasks.split(",") if name.strip()]
    listener = Listener(host, port, certificate, key, require_token, insecure)
    settings = Settings(
        max_upload_bytes=int(max_upload * 1e9),
        identities=identities,
        train_on=train_on,
        sources=parse_sources(source or []),
    )
    run_server(studies, listener, chosen, settings, log_file)
