"""Progress of a training run in the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from crosslabel.cli.console import print_set_aside, stderr

if TYPE_CHECKING:
    from crosslabel.tasks import TaskSpec
    from crosslabel.training import ProgressEvent


@contextmanager
def shown_progress(task: TaskSpec) -> Iterator[Callable[[ProgressEvent], None]]:
    """A bar on a terminal; a line for each epoch where the output goes to a file, in which a bar cannot move."""
    if stderr().is_terminal:
        with _progress_bar(task) as show:
            yield show
    else:
        yield _print_line


def _print_line(event: ProgressEvent) -> None:
    print_set_aside(event.set_aside)
    if event.state.value == "failed":
        # Why is said by the command, as on a terminal.
        return
    parts = [
        f"{event.state.value} {event.epoch}/{event.epochs}",
        spoken_numbers({**event.losses, **_best(event)}),
        _time_left(event.eta_seconds),
        event.message,
    ]
    stderr().print("  ".join(part for part in parts if part), soft_wrap=True, highlight=False)


@contextmanager
def _progress_bar(task: TaskSpec) -> Iterator[Callable[[ProgressEvent], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=16),
        MofNCompleteColumn(),
        TextColumn("{task.fields[left]}"),
        TextColumn("{task.fields[numbers]}"),
    )
    with Progress(*columns, console=stderr()) as progress:
        bar = progress.add_task("preparing", total=task.training.epochs, left="", numbers="")

        def show(event: ProgressEvent) -> None:
            print_set_aside(event.set_aside, progress.console)
            progress.update(
                bar,
                description=event.message or event.state.value,
                completed=event.epoch,
                total=event.epochs,
                left=_time_left(event.eta_seconds),
                numbers=spoken_numbers({**event.losses, **_best(event)}),
            )

        yield show


def _best(event: ProgressEvent) -> dict[str, float]:
    return {} if event.best_metric is None else {"best": event.best_metric}


def _time_left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d} left"


def spoken_numbers(values: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:.3f}" for name, value in values.items())
