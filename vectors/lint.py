"""Checks of the vector files: form, then everything that can be computed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from . import from_json, names
from .recompute import recompute

_HEX = re.compile(r"[0-9a-fA-F]+")


def lint(only: list[str] | None = None) -> Iterator[str]:
    """Yield one line for each thing wrong in the files named (all by default)."""
    for name in names() if only is None else only:
        raw = json.loads(_text(f"data/{name}.json"))
        problems = list(_form(name, raw))
        yield from problems
        if not problems:
            yield from recompute(from_json(raw))


def has_schema() -> bool:
    """Whether the JSON Schema can be applied, that is whether jsonschema is installed."""
    try:
        import jsonschema  # noqa: F401
    except ImportError:
        return False
    return True


def _form(name: str, raw: dict[str, Any]) -> Iterator[str]:
    if has_schema():
        yield from _schema(name, raw)
    yield from check_structure(name, raw)


def _schema(name: str, raw: dict[str, Any]) -> Iterator[str]:
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(json.loads(_text("schema.json")))
    for error in validator.iter_errors(raw):
        place = "/".join(map(str, error.absolute_path))
        yield f"{name}: {place}: {error.message}"


def check_structure(name: str, raw: dict[str, Any]) -> Iterator[str]:
    """What the schema does not say: numbers, flags, duplicates, hex in lower case."""
    file = from_json(raw)
    if file.algorithm != name:
        yield f"{name}: algorithm is {file.algorithm}"
    if raw["numberOfTests"] != len(file.tests):
        yield f"{name}: numberOfTests is {raw['numberOfTests']}, there are {len(file.tests)}"
    numbers: set[int] = set()
    contents: dict[str, int] = {}
    used: set[str] = set()
    for case in file.tests:
        where = f"{name} case {case.id}"
        if case.id in numbers:
            yield f"{where}: the number is used twice"
        numbers.add(case.id)
        content = {k: v for k, v in case.items() if k not in ("tcId", "comment", "flags", "base")}
        text = json.dumps(content, sort_keys=True)
        if text in contents:
            yield f"{where}: the same as case {contents[text]}"
        contents[text] = case.id
        unknown = [flag for flag in case.flags if flag not in file.flags]
        if unknown:
            yield f"{where}: unknown flags {', '.join(unknown)}"
            continue
        used.update(case.flags)
        kinds = [file.flags[flag]["kind"] for flag in case.flags]
        if kinds.count("origin") != 1:
            yield f"{where}: needs one flag for its origin, has {kinds.count('origin')}"
        if kinds.count("fault") != (0 if case.valid else 1):
            yield f"{where}: {case['result']} with {kinds.count('fault')} flags for a fault"
        yield from (f"{where}: {problem}" for problem in _bad_hex(case, ""))
    for flag in sorted(set(file.flags) - used):
        yield f"{name}: no case has the flag {flag}"
    for case in file.tests:
        if "base" in case and case["base"] not in numbers:
            yield f"{name} case {case.id}: there is no case {case['base']} to be made from"


def _bad_hex(value: Any, name: str) -> Iterator[str]:
    """Hex with capitals; which strings are hex at all is for the schema to say."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in ("comment", "flags"):
                yield from _bad_hex(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from _bad_hex(inner, name)
    elif isinstance(value, str) and len(value) >= 8 and _HEX.fullmatch(value):
        if value != value.lower():
            yield f"{name} is not lower-case hex"
        if len(value) % 2:
            yield f"{name} has half an octet"


def _text(path: str) -> str:
    return files(__package__ or "vectors").joinpath(*path.split("/")).read_text(encoding="utf-8")
