"""Numbers and times as people read them."""

from __future__ import annotations

from slicer.i18n import tr as _

from CrossLabelLib.client.learning_results import Progress


def duration(seconds: float) -> str:
    """Such as ``about 4 min``."""
    if seconds < 1:
        return _("about a second")
    if seconds < 90:
        return _("about {count} s").format(count=round(seconds))
    if seconds < 5400:
        return _("about {count} min").format(count=round(seconds / 60))
    return _("about {count} h").format(count=round(seconds / 3600, 1))


def course(progress: Progress | None) -> str:
    """How far a training is, such as ``Epoch 3 of 20, about 4 min left, best 0.812``; a look at the pool counts images."""
    if progress is None or not progress.epochs:
        return ""
    text = _("Image {done} of {all}") if progress.state == "scoring" else _("Epoch {done} of {all}")
    done = text.format(done=progress.epoch, all=progress.epochs)
    left = _("{time} left").format(time=duration(progress.eta_seconds)) if progress.eta_seconds else ""
    best = "" if progress.best_metric is None else _("best {value}").format(value=f"{progress.best_metric:.3f}")
    return ", ".join(part for part in (done, left, best) if part)


def volume(ml: float | None) -> str:
    """Such as ``12.3 mL``; small structures get more digits."""
    if ml is None:
        return "–"
    return f"{ml:.0f} mL" if ml >= 100 else f"{ml:.3g} mL"


def share(value: float | None) -> str:
    """A number from 0 to 1 as a percentage."""
    return "–" if value is None else f"{100 * value:.0f} %"


def size(count: int) -> str:
    """Bytes, such as ``3.4 MB``."""
    if count < 1e6:
        return f"{count / 1e3:.0f} kB"
    return f"{count / 1e6:.1f} MB"


def when(stamp: str) -> str:
    """An ISO 8601 time to the minute."""
    return stamp[:16].replace("T", " ")
