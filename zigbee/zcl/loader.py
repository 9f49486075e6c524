"""Loads cluster definitions from the data files beside this module, one when it is asked for.

Files are named `<cluster id in hexadecimal>_<short name>.toml`: none is read to find one.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from pydantic import ValidationError

from zigbee.zcl.definitions import ClusterDefinition


class DefinitionError(ValueError):
    """A definition file that is not valid; the text names the file and the keys."""


def data() -> Traversable:
    """The folder of the definition files and their schema."""
    return resources.files("zigbee.zcl").joinpath("data")


@cache
def index() -> dict[int, Traversable]:
    """The definition files by cluster identifier, in its order."""
    files = sorted(
        (entry for entry in data().iterdir() if entry.name.endswith(".toml")),
        key=lambda entry: entry.name,
    )
    return {int(entry.name.partition("_")[0], 16): entry for entry in files}


def parse(text: str, origin: str) -> ClusterDefinition:
    """A definition from TOML text; raises `DefinitionError` naming `origin` and the keys."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DefinitionError(f"{origin}: {error}") from None
    try:
        return ClusterDefinition.model_validate(table)
    except ValidationError as error:
        raise DefinitionError(explain(error, origin)) from None


def explain(error: ValidationError, origin: str) -> str:
    """pydantic's findings as lines of file, key and reason."""
    lines = [
        f"{origin}: {'.'.join(str(part) for part in entry['loc'])}: {entry['msg']}"
        for entry in error.errors()
    ]
    return "\n".join(lines)


@cache
def _load(id_: int) -> ClusterDefinition:
    entry = index()[id_]
    found = parse(entry.read_text(encoding="utf-8"), entry.name)
    if f"{found.id:04x}_{found.short}.toml" != entry.name:
        raise DefinitionError(f"{entry.name}: holds cluster {found.id:#06x} {found.short!r}")
    return found


@cache
def cluster(which: int | str) -> ClusterDefinition:
    """The cluster with this identifier or short name ("price"); raises `KeyError` for none."""
    if isinstance(which, int):
        if which in index():
            return _load(which)
        raise KeyError(f"cluster {which:#06x} is not defined")
    for id_, entry in index().items():
        if entry.name.partition("_")[2] == f"{which}.toml":
            return _load(id_)
    names = ", ".join(entry.name.partition("_")[2][:-5] for entry in index().values())
    raise KeyError(f"cluster {which!r} is not defined; these are: {names}")


def defined(id_: int) -> bool:
    """Whether there is a definition of this cluster."""
    return id_ in index()


def clusters() -> tuple[ClusterDefinition, ...]:
    """Every cluster defined, by identifier."""
    return tuple(_load(id_) for id_ in index())
