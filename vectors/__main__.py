"""``python -m vectors lint [NAME ...]``: check and recompute the vector files."""

from __future__ import annotations

import argparse
import sys

from . import UnknownVectors, load, names
from .lint import has_schema, lint


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when all is well, 1 when something is wrong, 2 for a wrong command line."""
    parser = argparse.ArgumentParser(prog="python -m vectors", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    linter = commands.add_parser("lint", help="check form and recompute every derived value")
    linter.add_argument("name", nargs="*", help="a vector file, such as aes_ccm; all by default")
    commands.add_parser("list", help="name the files with their number of cases")
    options = parser.parse_args(arguments)
    if options.command == "list":
        for name in names():
            print(f"{name:24}{len(load(name).tests):5}  {load(name).title}")
        return 0
    try:
        chosen = [load(name).algorithm for name in options.name] or names()
    except UnknownVectors as error:
        parser.error(str(error))
    problems = list(lint(chosen))
    for problem in problems:
        print(problem)
    cases = sum(len(load(name).tests) for name in chosen)
    print(f"{len(chosen)} files, {cases} cases, {len(problems)} problems")
    if not has_schema():
        print("jsonschema is not installed: the files were not held against schema.json")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
