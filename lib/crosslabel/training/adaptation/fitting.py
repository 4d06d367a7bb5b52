"""Fitting an image-level method as a part of a job."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from crosslabel.adaptation.image_level import FittedOtherwiseError, ImageAdapter, Volume, Watch
from crosslabel.files import content_digest
from crosslabel.optimisation import ProgressEvent, State, processes
from crosslabel.training.prepared_cases import PreparedCases


def fit_adapter(
    adapter: ImageAdapter,
    source: PreparedCases,
    target: PreparedCases,
    folder: Path,
    emit: Callable[[ProgressEvent], None],
    last: ProgressEvent,
    cancelled: Callable[[], bool],
    *,
    refit: bool,
) -> None:
    """Fit in the first process; the others read what it wrote.

    Args:
        adapter: not fitted yet.
        source: cases whose images are changed.
        target: cases whose images they should look like.
        folder: where the method keeps what it learns.
        emit: takes the job's events.
        last: the job's event before; what does not change is taken from it.
        cancelled: asked whether to stop.
        refit: what the folder holds is given up if it was fitted on other images or with other settings.

    Raises:
        InterruptedError: it was cancelled.
        FittedOtherwiseError: the folder holds what was fitted otherwise, and that is not to be given up.
    """

    def tell(event: ProgressEvent) -> None:
        doing = event.message or f"fitting {adapter.name}: {event.epoch} of {event.epochs}"
        times = {"elapsed_seconds": event.elapsed_seconds, "eta_seconds": event.eta_seconds}
        emit(replace(last, state=State.PREPARING, losses=event.losses, message=doing, **times))

    def fit() -> bool:
        return adapter.fit(_volumes(source), _volumes(target), folder, Watch(tell, cancelled))

    def first() -> bool:
        try:
            return fit()
        except FittedOtherwiseError:
            if not refit:
                raise
            shutil.rmtree(folder)
            return fit()

    fitted = first() if processes.rank() == 0 else True
    processes.barrier()
    if not (fitted if processes.rank() == 0 else fit()):
        raise InterruptedError


def _volumes(cases: PreparedCases) -> list[Volume]:
    return [
        Volume(case.id, lambda case=case: cases.prepare(case), lambda case=case: content_digest(case.image))
        for case in cases.cases
    ]
