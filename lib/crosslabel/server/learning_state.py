"""Where the learning of a task stands, for clients to show."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crosslabel.active import STRATEGIES, Estimate, advice, estimate_rest
from crosslabel.checkpoints import Version
from crosslabel.learning import Action
from crosslabel.learning.pool_scan import scan_name
from crosslabel.optimisation import State
from crosslabel.optimisation.progress import read_history
from crosslabel.server.learning_job import ROUND, SCORE, read_scan
from crosslabel.server.learning_loop import LearningLoop
from crosslabel.store import CaseState, Switch
from crosslabel.tasks import TaskSpec

_MOST_PAIRS = 60
_IN_ADVANCE = "new labels, each measured before it was learnt from"


def learning_state(loop: LearningLoop, task: TaskSpec) -> dict[str, Any]:
    """State, progress, curves, labels, versions, estimate, advice, and images that could not be scored or whose
    labels are not learnt from; JSON values."""
    store, switch = loop.app.datastore().store, loop.switch(task)
    counts = store.cases.counts(task.name, task.eligible)
    facts = loop.facts(task)
    state, progress, message = _state(loop, task, switch)
    metric = "Dice" if task.kind == "segmentation" else "accuracy"
    left = sum(counts[one] for one in (CaseState.UNLABELLED, CaseState.RETURNED, CaseState.LEASED))
    estimate = _estimate(loop, task)
    return {
        "switch": switch.value,
        "state": state,
        "progress": progress,
        "curves": _curves(loop.app.train_tasks[task.name].latest_run()),
        "labels": {
            "final": facts.final,
            "held_back": facts.held_back,
            "since_last_training": facts.new,
            "pool": left,
        },
        "versions": versions(loop, task),
        "estimate": None
        if estimate is None
        else {"dice": estimate.value, "low": estimate.low, "high": estimate.high, "on": estimate.on},
        "advice": advice(_history(loop, task), left, metric),
        "message": message,
        "problems": {**(read_scan(loop.app.store, task) or {}).get("problems", {}), **facts.left_out},
        "strategies": strategies(task),
    }


def strategies(task: TaskSpec) -> list[dict[str, str]]:
    """What can choose, the task's own first."""
    titles = {**{name: strategy.title for name, strategy in STRATEGIES.items()}, "first": "First study by name"}
    own = task.active_learning.strategy
    return [{"name": name, "title": titles[name]} for name in (own, *(name for name in titles if name != own))]


def versions(loop: LearningLoop, task: TaskSpec) -> list[dict[str, Any]]:
    """The trained versions, oldest first, with what was measured and why they are served or not."""
    current = loop.app.store.current(task)
    return [
        {
            "number": version.number,
            "name": version.name,
            "published": record.get("published"),
            **_measured(record),
            "active": version == current,
        }
        for version, record in loop.records.all(task)
    ]


def _measured(record: dict[str, Any]) -> dict[str, Any]:
    learning = record.get("learning")
    if learning is not None:
        known = {name: learning[name] for name in ("metric", "value", "labels", "promoted", "reason")}
        return {**known, "metric_on": learning["on"]}
    metric, value = next(iter(record.get("metrics", {}).items()), (None, None))
    # Provenance is free: a checkpoint made elsewhere may describe its data in a sentence.
    data = record.get("data")
    training = data.get("training") if isinstance(data, Mapping) else None
    return {
        "metric": metric,
        "value": value,
        "labels": None if training is None else len(training),
        "promoted": True,
        "reason": _why_made(record),
        "metric_on": record.get("metrics_on"),
    }


def _why_made(record: Mapping[str, Any]) -> str:
    """How a version came about that the learning loop did not make; its provenance may be somebody else's."""
    method, data = record.get("method"), record.get("data")
    if not isinstance(method, Mapping) or not isinstance(data, Mapping):
        return "It was trained on request."
    source = len(data.get("source", ())) + len(data.get("source_validation", ()))
    return f"It was adapted on request from {source} labelled source images: {method.get('title', 'by another method')}."


def _state(loop: LearningLoop, task: TaskSpec, switch: Switch) -> tuple[str, dict[str, Any] | None, str]:
    """(state, progress, one sentence)."""
    jobs = [job for job in loop.jobs.alive() if job["request"].get("model") == task.name]
    stats = loop.app.train_tasks[task.name].progress()
    scan = read_scan(loop.app.store, task)
    decision = loop.decision(task)
    if jobs:
        request = jobs[0]["request"]
        if switch is not Switch.ON and request.get(ROUND):
            return "stopping", stats, "The training ends after the step in hand."
        trained = stats is not None and State(stats["state"]) is State.FINISHED and _is_of(loop, task, request)
        if not request.get(SCORE) and not trained:
            return "training", stats, "The model learns from the labels."
        return "scoring", _scan_progress(scan), "The model looks at the images that wait."
    if decision.action is Action.WAIT:
        return "waiting", None, decision.reason
    if stats is not None and State(stats["state"]) is State.FAILED:
        return "failed", stats, stats["message"]
    return "idle", None, decision.reason


def _is_of(loop: LearningLoop, task: TaskSpec, request: dict[str, Any]) -> bool:
    """Whether the last run's progress is that of this job, which may not have begun."""
    run = loop.app.train_tasks[task.name].latest_run()
    return bool(request.get("resume")) or (run is not None and run.name == request.get("run"))


def _scan_progress(scan: dict[str, Any] | None) -> dict[str, Any] | None:
    """A look at the pool in the words of a training's progress, images in the place of epochs."""
    if scan is None:
        return None
    return {
        "state": "scoring",
        "epoch": scan["done"],
        "epochs": scan["total"],
        "losses": {},
        "metrics": {},
        "best_metric": None,
        "elapsed_seconds": scan["elapsed_seconds"],
        "eta_seconds": scan["eta_seconds"],
        "message": "",
    }


def _curves(run: Path | None) -> dict[str, dict[str, list[list[float]]]]:
    """Losses and metrics of the last run by epoch."""
    curves: dict[str, dict[str, list[list[float]]]] = {"losses": {}, "metrics": {}}
    for event in [] if run is None else read_history(run):
        for kind, values in curves.items():
            for name, value in event[kind].items():
                points = values.setdefault(name, [])
                if not points or points[-1][0] < event["epoch"]:
                    points.append([event["epoch"], value])
    return curves


def _estimate(loop: LearningLoop, task: TaskSpec) -> Estimate | None:
    current = loop.app.store.current(task)
    if current is None:
        return None
    name = scan_name(task, current)
    return loop.remembered(task, (name, current), lambda: _estimated(loop, task, current, name))


def _estimated(loop: LearningLoop, task: TaskSpec, current: Version, name: str) -> Estimate | None:
    store = loop.app.datastore().store
    waiting = set(store.worklist.ids(task.name, task.eligible))
    scores = store.scores.get(task.name, "expected_dice")
    expected = [score.value for image_id, score in scores.items() if image_id in waiting and score.checkpoint == name]
    own = {} if current.demonstration else loop.records.of(current).get("learning", {})
    pairs, on = own.get("pairs", []), "held-back labels"
    if not pairs:
        served = [record.get("learning", {}).get("served_before") for _, record in loop.records.all(task)]
        pairs = [pair for one in served if one for pair in one["pairs"]][-_MOST_PAIRS:]
        on = _IN_ADVANCE
    return estimate_rest(expected, [tuple(pair) for pair in pairs], f"{len(pairs)} {on}")


def _history(loop: LearningLoop, task: TaskSpec) -> list[tuple[int, float]]:
    """(labels, metric) of versions on what they had not learnt from."""
    records = [record.get("learning") for _, record in loop.records.all(task)]
    known = [learning for learning in records if learning]
    held = [(one["labels"], one["value"]) for one in known if one["pairs"] and one["promoted"]]
    if len(held) >= 3:
        return held
    served = [one["served_before"] for one in known if one["served_before"]]
    before = [(one["labels"], one["value"]) for one in served if one["value"] is not None and one["labels"]]
    # A model that has not yet met its next labels is known to exist, and not how good it is.
    return before or ([(known[-1]["labels"], 0.0)] if known else [])
