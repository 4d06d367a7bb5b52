"""``crosslabel backup`` and ``crosslabel restore``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crosslabel.cli.console import stdout


def backup(
    archive: Annotated[Path, typer.Argument(help="Zip to write; it appears once it is complete and checked.")],
    studies: Annotated[Path, typer.Option(help="Folder of the images.")],
) -> None:
    """Write labels, reviews and audit log of a studies folder into one zip, also while it is served.

    Images and checkpoints are not part of it; copy them as files.
    """
    from crosslabel.store import Store
    from crosslabel.store.backup import backup as write_backup

    with Store(studies) as store:
        write_backup(store, archive)
    stdout().print(f"Backup written to {archive}.", markup=False, highlight=False, soft_wrap=True)


def restore(
    archive: Annotated[Path, typer.Argument(help="Zip that 'crosslabel backup' wrote.")],
    studies: Annotated[Path, typer.Option(help="Folder of the images, without labels and reviews of its own.")],
) -> None:
    """Put a backup into a studies folder; nothing is overwritten. Start the server afterwards."""
    from crosslabel.store.backup import restore as restore_backup

    count = restore_backup(archive, studies)
    stdout().print(f"{count} files restored below {studies}.", markup=False, highlight=False, soft_wrap=True)
