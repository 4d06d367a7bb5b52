"""Task files: YAML in, a checked :class:`TaskSpec` out, or one message that says where the file is wrong."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from crosslabel.errors import NotFoundError, TaskError
from crosslabel.tasks.settings import PercentileRule, WindowRule, ZScoreRule
from crosslabel.tasks.spec import TaskSpec

# pydantic puts the chosen rule into the place of an error, where no such field stands in the file.
_RULES: dict[int | str, type[BaseModel]] = {"window": WindowRule, "percentile": PercentileRule, "zscore": ZScoreRule}


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML keeps the last of two equal keys without a word; a task file must not lose a line that way."""


def _construct_mapping(loader: _UniqueKeyLoader, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            raise yaml.constructor.ConstructorError(None, None, f"the key '{key}' stands twice", key_node.start_mark)
        seen.add(key)
    return yaml.SafeLoader.construct_mapping(loader, node, deep=deep)


_UniqueKeyLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _construct_mapping)


def load_task(path: Path) -> TaskSpec:
    """Read one task file.

    Raises:
        TaskError: the file cannot be read, or one of its fields is wrong; the message names file, field, value and remedy.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _UniqueKeyLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise TaskError(f"{path.name}: the task file cannot be read ({error.__class__.__name__}).") from error
    except yaml.YAMLError as error:
        raise TaskError(f"{path.name}: not valid YAML: {_one_line(error)}") from error
    if not isinstance(content, Mapping):
        raise TaskError(f"{path.name}: a task file is a list of 'field: value' lines; see docs/tasks.md for an example.")
    try:
        task = TaskSpec.model_validate(content)
    except ValidationError as error:
        raise TaskError(f"{path.name}: {_explain(error)}") from error
    if task.name != path.stem:
        raise TaskError(f"{path.name}: name: '{task.name}' differs from the file name; write 'name: {path.stem}'.")
    return task


def load_tasks(folder: Path, names: Iterable[str] | None = None) -> dict[str, TaskSpec]:
    """Read the task files of a folder, by name, in alphabetical order.

    Args:
        folder: where ``*.yaml`` files lie.
        names: only these tasks; all if ``None``.

    Raises:
        TaskError: the folder holds no task file, or one is wrong.
        NotFoundError: a name is not among them.
    """
    files = {path.stem: path for path in sorted(folder.glob("*.yaml")) if not path.name.startswith(".")}
    if not files:
        raise TaskError(f"No task files (*.yaml) lie in {folder}; 'crosslabel task new' drafts one.")
    wanted = list(files) if names is None else list(names)
    for name in wanted:
        if name not in files:
            raise NotFoundError(f"There is no task '{name}'{_closest(name, files)} Tasks here: {', '.join(files)}.")
    return {name: load_task(files[name]) for name in wanted}


def _explain(error: ValidationError) -> str:
    found = error.errors(include_url=False)
    # A misspelt field is also a missing one; what was written explains more than what was not.
    first = next((one for one in found if one["type"] == "extra_forbidden"), found[0])
    location = first["loc"]
    field = ".".join(str(part) for part in location if part not in _RULES)
    if first["type"] == "extra_forbidden":
        return f"{field}: this field is not known{_closest(str(location[-1]), _fields_at(location[:-1]))}"
    if first["type"] == "missing":
        return f"{field}: this field is missing; add it."
    message = str(first["msg"]).removeprefix("Value error, ").rstrip(".")
    if not field:
        return f"{message}."
    return f"{field}: {_short(first['input'])} is wrong: {message}."


def _fields_at(location: tuple[int | str, ...]) -> list[str]:
    """Names of the fields that the block at this place of a task file may have."""
    model: type[BaseModel] = TaskSpec
    for part in location:
        if part in _RULES:
            model = _RULES[part]
        elif isinstance(part, str) and part in model.model_fields:
            model = _block_of(model.model_fields[part].annotation) or model
    return [info.alias or name for name, info in model.model_fields.items()]


def _block_of(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in get_args(annotation):
        found = _block_of(argument)
        if found is not None:
            return found
    return None


def _closest(name: str, choices: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(choices), n=1)
    return f"; did you mean '{close[0]}'?" if close else "."


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _one_line(error: yaml.YAMLError) -> str:
    return " ".join(str(error).split())
