"""`python -m benchmarks` lists the benchmarks, with `NAME [--option value]` runs one.

The last line that a run prints is one JSON object with its figures. Options are the keyword
arguments of the benchmark's `run`.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import sys
from collections.abc import Callable, Sequence
from typing import Any

import benchmarks

Run = Callable[..., dict[str, Any]]
USAGE_ERROR = 2


def find() -> dict[str, Run]:
    """The benchmarks of this package by name."""
    found: dict[str, Run] = {}
    for module in pkgutil.iter_modules(benchmarks.__path__):
        if module.name.startswith("_"):
            continue
        run = getattr(importlib.import_module(f"benchmarks.{module.name}"), "run", None)
        if callable(run):
            found[module.name] = run
    return dict(sorted(found.items()))


def describe(run: Run) -> str:
    """The first line of what the benchmark's module says of itself."""
    text = inspect.getdoc(inspect.getmodule(run)) or inspect.getdoc(run) or ""
    return text.split("\n", 1)[0]


def parse_options(run: Run, words: Sequence[str]) -> dict[str, Any]:
    """`--name value` (or `--name=value`) for each keyword argument of `run`, as its type.

    Raises `ValueError` that tells what is wrong.
    """
    parameters = inspect.signature(run).parameters
    options: dict[str, Any] = {}
    rest = [part for word in words for part in _halves(word)]
    while rest:
        name = rest.pop(0).removeprefix("--").replace("-", "_")
        if name not in parameters:
            known = ", ".join(f"--{each.replace('_', '-')}" for each in parameters) or "none"
            raise ValueError(f"no option --{name.replace('_', '-')}; this benchmark has {known}")
        if not rest:
            raise ValueError(f"--{name} lacks its value")
        options[name] = _convert(parameters[name], rest.pop(0))
    return options


def _halves(word: str) -> list[str]:
    return word.split("=", 1) if word.startswith("--") and "=" in word else [word]


def _convert(parameter: inspect.Parameter, text: str) -> Any:
    for convert in (int, float):
        if isinstance(parameter.default, convert) or convert.__name__ in str(parameter.annotation):
            try:
                return convert(text)
            except ValueError:
                raise ValueError(f"--{parameter.name}: {text!r} is no {convert.__name__}") from None
    return text


def main(arguments: Sequence[str]) -> int:
    """Exit code: 0, or 2 when the arguments make no sense."""
    found = find()
    if not arguments:
        width = max(map(len, found), default=0)
        for name, run in found.items():
            print(f"{name:<{width}}  {describe(run)}")
        return 0
    name, *words = arguments
    if name not in found:
        print(f"no benchmark {name!r}; there are: {', '.join(found)}", file=sys.stderr)
        return USAGE_ERROR
    try:
        options = parse_options(found[name], words)
    except ValueError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return USAGE_ERROR
    print(json.dumps(found[name](**options)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
