"""How a long command ends before its time."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from crosslabel.cli.console import stderr


@contextmanager
def resumable() -> Iterator[None]:
    """Ctrl-C, and SIGTERM as a batch system sends it, end a training in such a way that it can be resumed, and say how."""
    is_main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, signal.default_int_handler) if is_main else None
    try:
        yield
    except KeyboardInterrupt:
        stderr().print("Stopped; the same command with --resume goes on from the last whole epoch.")
        raise typer.Exit(130) from None
    finally:
        if is_main:
            signal.signal(signal.SIGTERM, before)
