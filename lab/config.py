"""Configuration files: TOML, validated on load, with errors of one line that say what to do."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

ModelT = TypeVar("ModelT", bound=BaseModel)


class ConfigError(Exception):
    """A file of the lab is wrong: `what`, in which `file`, at which `key`, and the `remedy`."""

    def __init__(self, what: str, file: Path | str, key: str = "", remedy: str = "") -> None:
        self.what = what
        self.file = str(file)
        self.key = key
        self.remedy = remedy
        where = f"{self.file}: {key}" if key else self.file
        text = f"{where}: {what}" + (f"; {remedy}" if remedy else "")
        super().__init__(" ".join(text.split()))


class Section(BaseModel):
    """A table of a configuration file: an unknown key is an error, and nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def load_toml(path: Path, model: type[ModelT]) -> ModelT:
    """Read a TOML file into a model. Raises ConfigError for the first fault, in one line."""
    return validated(read_toml(path), model, path)


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file as plain data. Raises ConfigError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        cause = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"cannot be read: {cause}", path) from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"is not TOML: {error}", path) from error


def validated(data: Any, model: type[ModelT], path: Path) -> ModelT:
    """Turn plain data that came from `path` into a model. Raises ConfigError."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise _first_fault(error, model, path) from error


def find_file(name: str, folder: Path, kind: str) -> Path:
    """Return the file that `name` means: a path, or the name of a file in `folder` without suffix.

    Raises ConfigError that lists what there is.
    """
    direct = Path(name)
    if direct.suffix == ".toml" or "/" in name:
        if direct.is_file():
            return direct
        raise ConfigError(f"no such {kind} file", name)
    listed = folder / f"{name}.toml"
    if listed.is_file():
        return listed
    known = sorted(path.stem for path in folder.glob("*.toml"))
    remedy = f"{_nearest(name, known)}give a file, or one of: {', '.join(known) or '(none)'}"
    raise ConfigError(f"no {kind} of the name {name!r}", folder, remedy=remedy)


def _first_fault(error: ValidationError, model: type[BaseModel], path: Path) -> ConfigError:
    """Say the first fault of a validation in the words of the file's author."""
    faults = error.errors(include_url=False)
    # A misspelt key is often also a missing one: the misspelling is the better thing to name.
    fault = next((one for one in faults if one["type"] == "extra_forbidden"), faults[0])
    location = [part for part in fault["loc"] if not _is_type_name(part)]
    key = _key(location)
    if fault["type"] == "extra_forbidden":
        valid = _valid_keys(model, location[:-1])
        remedy = f"{_nearest(str(location[-1]), valid)}valid keys here: {', '.join(valid)}"
        return ConfigError("unknown key", path, key, remedy)
    if fault["type"] == "missing":
        return ConfigError("the key is missing", path, key, "add it")
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "value_error" or isinstance(fault["input"], dict | list):
        return ConfigError(message, path, key)
    return ConfigError(f"{message}, not {fault['input']!r}", path, key)


def _is_type_name(part: str | int) -> bool:
    """Tell the names of types, which pydantic puts into locations of unions, from keys."""
    return isinstance(part, str) and ("[" in part or part in ("int", "float", "str", "bool"))


def _key(location: Sequence[str | int]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _valid_keys(model: type[BaseModel], location: Iterable[str | int]) -> list[str]:
    """Return the keys that the table at `location` may have."""
    here: Any = model
    for part in location:
        if isinstance(here, type) and issubclass(here, BaseModel) and part in here.model_fields:
            here = here.model_fields[str(part)].annotation
        else:  # a table of named tables, or a list of tables
            here = (get_args(here) or (None,))[-1]
        here = _without_none(here)
    return list(here.model_fields) if _is_model(here) else []


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _without_none(kind: Any) -> Any:
    """Return X for X | None."""
    if get_origin(kind) in (Union, UnionType):
        return next((one for one in get_args(kind) if one is not type(None)), kind)
    return kind


def _nearest(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}? " if near else ""
