"""The learning loop of a task: its state, its switch, training and versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from CrossLabelLib.client.errors import ServerError
from CrossLabelLib.client.fields import Fields
from CrossLabelLib.client.learning_results import Curve, Curves, Estimate, LabelCounts, LearningState, Progress, Version
from CrossLabelLib.client.transport import Transport


def state(transport: Transport, task: str) -> LearningState:
    """Where learning stands."""
    answer = Fields(transport.json("GET", f"/api/v1/learning/{_quoted(task)}"), "the learning loop")
    counts = answer.object("labels") or Fields({}, "the labels")
    return LearningState(
        switch=answer.text("switch", "off"),
        state=answer.text("state", "idle"),
        progress=progress(answer.object("progress")),
        curves=curves(answer.object("curves")),
        labels=LabelCounts(*(counts.integer(name, 0) for name in ("final", "held_back", "since_last_training", "pool"))),
        versions=tuple(_version(entry) for entry in answer.objects("versions")),
        estimate=_estimate(answer.object("estimate")),
        advice=answer.text("advice", ""),
        message=answer.text("message", ""),
        strategies=tuple((entry.text("name"), entry.text("title", "")) for entry in answer.objects("strategies")),
    )


def stock_state(transport: Transport, task: str) -> LearningState:
    """What a MONAI Label server tells of a training."""
    info = Fields(transport.json("GET", "/info/"), "/info/")
    all_stats = info.object("train_stats") or Fields({}, "the training")
    stats = all_stats.object(task) or Fields({}, "the training")
    epoch, epochs = stats.integer("epoch", 0), stats.integer("total_epochs", 0)
    running = _is_training(transport)
    found = Progress("training" if running else "idle", epoch, epochs, best_metric=stats.number("best_metric"))
    return LearningState(switch="off", state=found.state, progress=found if epochs else None)


def _is_training(transport: Transport) -> bool:
    try:
        transport.json("GET", "/train/", query={"check_if_running": "true"})
    except ServerError as error:
        if error.kind == "missing":
            return False
        raise
    return True


def switch(transport: Transport, task: str, value: str) -> None:
    """``on``, ``paused`` or ``off``."""
    transport.json("POST", f"/api/v1/learning/{_quoted(task)}/switch", body={"switch": value})


def train(transport: Transport, task: str) -> None:
    """Start a training from the final labels, after the one that runs."""
    transport.json("POST", f"/train/{_quoted(task)}", query={"enqueue": "true"}, body={})


def stop_training(transport: Transport) -> None:
    """Stop the running training; it can be resumed. Waits while the server lets it end."""
    transport.json("DELETE", "/train/", patience=60.0)


def activate(transport: Transport, task: str, number: int) -> None:
    """Let other weights predict."""
    transport.json("POST", f"/api/v1/versions/{_quoted(task)}/{int(number)}/activate")


def progress(entry: Fields | None) -> Progress | None:
    """A training's progress, from JSON."""
    if entry is None:
        return None
    return Progress(
        state=entry.text("state", ""),
        epoch=entry.integer("epoch", 0),
        epochs=entry.integer("epochs", 0),
        elapsed_seconds=entry.number("elapsed_seconds"),
        eta_seconds=entry.number("eta_seconds"),
        best_metric=entry.number("best_metric"),
        message=entry.text("message", ""),
    )


def curves(entry: Fields | None) -> Curves:
    """Loss and metric curves, from JSON."""
    if entry is None:
        return Curves()
    return Curves(_curves(entry.raw("losses")), _curves(entry.raw("metrics")))


def _curves(values: Any) -> dict[str, Curve]:
    if not isinstance(values, Mapping):
        return {}
    return {str(name): tuple(_point(pair) for pair in pairs or ()) for name, pairs in values.items()}


def _point(pair: Any) -> tuple[float, float]:
    try:
        epoch, value = pair
        return float(epoch), float("nan") if value is None else float(value)
    except (TypeError, ValueError) as error:
        raise ServerError("The server's curves cannot be understood; check its version.", "bad answer") from error


def _version(entry: Fields) -> Version:
    labels = entry.number("labels")
    return Version(
        number=entry.integer("number"),
        name=entry.text("name", ""),
        published=entry.text("published", ""),
        metric=entry.text("metric", ""),
        value=entry.number("value"),
        metric_on=entry.text("metric_on", ""),
        labels=None if labels is None else int(labels),
        active=bool(entry.flag("active", False)),
        promoted=entry.flag("promoted"),
        reason=entry.text("reason", ""),
    )


def _estimate(entry: Fields | None) -> Estimate | None:
    if entry is None:
        return None
    dice, low, high = (entry.number(name) for name in ("dice", "low", "high"))
    if dice is None:
        return None
    return Estimate(dice, dice if low is None else low, dice if high is None else high, entry.text("on", ""))


def _quoted(task: str) -> str:
    return quote(task, safe="")
