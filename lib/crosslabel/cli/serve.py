"""``crosslabel serve``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def serve(
    studies: Annotated[Path, typer.Option(help="Folder of the images; labels are saved below it.")],
    host: Annotated[
        str,
        typer.Option(help="Address to listen on; 0.0.0.0 opens the server to the network, without a password."),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8000,
    tasks: Annotated[str | None, typer.Option(help="Only these tasks, as in: abdomen_ct_mr,hippocampus")] = None,
) -> None:
    """Serve a folder of studies to 3D Slicer and every other MONAI Label client."""
    from crosslabel.server.serve import serve as run_server

    chosen = None if tasks is None else [name.strip() for name in tasks.split(",") if name.strip()]
    run_server(studies, host, port, tasks=chosen)
