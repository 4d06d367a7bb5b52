"""Finding out what a server is and can do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from CrossLabelLib.client.errors import ServerError
from CrossLabelLib.client.features import missing
from CrossLabelLib.client.fields import Fields
from CrossLabelLib.client.results import Label, Server, Task
from CrossLabelLib.client.transport import Transport

_KINDS = ("segmentation", "classification")
# Told apart by most people, also by those who confuse red and green (Okabe and Ito).
_COLORS = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")


def connect(transport: Transport) -> Server:
    """Ask a server what it offers; a server without CrossLabel's interface is taken as MONAI Label's.

    Raises:
        ServerError: it does not answer, refuses, or is no such server.
    """
    info = Fields(transport.json("GET", "/info/"), "/info/")
    strategies = tuple((name, _described(entry)) for name, entry in _mapping(info.raw("strategies")).items())
    try:
        found = Fields(transport.json("GET", "/api/v1/capabilities"), "its capabilities")
    except ServerError as error:
        if error.kind not in ("missing", "bad answer"):
            raise
        return _stock(info, strategies)
    capabilities, version = frozenset(found.texts("capabilities")), found.text("version")
    return Server(
        name=info.text("name", "CrossLabel"),
        version=version,
        tasks=tuple(_task(Fields(entry, "a task")) for entry in _list(transport.json("GET", "/api/v1/tasks"))),
        capabilities=capabilities,
        strategies=strategies,
        missing=missing(capabilities, stock=False, version=version),
    )


def _task(task: Fields) -> Task:
    checkpoint = task.object("checkpoint") or Fields({}, "a checkpoint")
    targets = [domain for domain in task.objects("domains") if domain.text("role", "target") == "target"]
    return Task(
        name=task.text("name"),
        title=task.text("title", ""),
        kind=_kind(task.text("kind")),
        dimension=task.integer("dimension", 3),
        labels=tuple(
            Label(label.text("name"), label.integer("value"), label.text("color", _COLORS[0]))
            for label in task.objects("labels")
        ),
        classes=task.texts("classes"),
        available=bool(checkpoint.flag("available", True)),
        reason=checkpoint.text("reason", ""),
        checkpoint=checkpoint.text("name", ""),
        demonstration=bool(checkpoint.flag("demonstration", False)),
        modalities=tuple(domain.text("modality", "") for domain in targets),
    )


def _kind(kind: str) -> str:
    if kind not in _KINDS:
        sentence = f"The server has a task of kind '{kind}', which this extension does not know; update the extension."
        raise ServerError(sentence, "bad answer")
    return kind


def _stock(info: Fields, strategies: tuple[tuple[str, str], ...]) -> Server:
    models = {name: Fields(entry, f"model {name}") for name, entry in _mapping(info.raw("models")).items()}
    if info.raw("models") is None:
        raise ServerError("This is no MONAI Label server; check the address.", "bad answer")
    return Server(
        name=info.text("name", "MONAI Label"),
        version=info.text("version", ""),
        # Models that need clicks or scribbles are worked by MONAI Label's own module.
        tasks=tuple(_model(name, model) for name, model in models.items() if model.text("type", "") in _KINDS),
        capabilities=frozenset(),
        strategies=strategies,
        stock=True,
        missing=missing((), stock=True, version=""),
    )


def _model(name: str, model: Fields) -> Task:
    kind, values = model.text("type"), label_values(model.raw("labels"))
    labels = tuple(Label(label, value, _COLORS[number % len(_COLORS)]) for number, (label, value) in enumerate(values.items()))
    return Task(
        name=name,
        title=model.text("description", "") or name,
        kind=kind,
        dimension=model.integer("dimension", 3),
        labels=labels if kind == "segmentation" else (),
        classes=tuple(_class_names(model.raw("labels"))) if kind == "classification" else (),
        available=bool(model.flag("available", True)),
        reason=model.text("reason", ""),
    )


def label_values(labels: Any) -> dict[str, int]:
    """Values by name of what MONAI Label calls labels: an object of them, or a list of names in the order of 1, 2, ...

    Background is none. Empty where nothing can be made of it.
    """
    if isinstance(labels, Mapping):
        whole = {str(name): value for name, value in labels.items() if isinstance(value, int) and not isinstance(value, bool)}
    elif isinstance(labels, list):
        names = [str(name) for name in labels]
        first = 0 if names and names[0].lower() == "background" else 1
        whole = {name: number for number, name in enumerate(names, start=first)}
    else:
        whole = {}
    return {name: value for name, value in whole.items() if value > 0 and name.lower() != "background"}


def _class_names(labels: Any) -> list[str]:
    if isinstance(labels, Mapping):
        return [str(name) for name in labels]
    return [str(name) for name in labels] if isinstance(labels, list) else []


def _described(entry: Any) -> str:
    description = entry.get("description") if isinstance(entry, Mapping) else None
    return description if isinstance(description, str) else ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ServerError("The server's answer cannot be understood: its tasks are no list; check its version.", "bad answer")
    return value
