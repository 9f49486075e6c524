"""Which cases rest on which facts of the register, read from the source of the suites.

A case rests on what it declares (`facts=[...]`), on what its function and the functions and
constants of its module that it names read by `fact("...")`, and on what the judgements of the lab
read for it: `air.expect`, `in_service` and others ask what it means that something came late.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from lab.registers.facts import Fact, register

LAB = Path(__file__).parents[1]
SUITES = LAB.parent / "suites"
#: Modules of the lab whose functions judge a device for a case that calls them.
JUDGES = ("air", "units/exchange", "judging", "procedures", "recovery")
Names = tuple[str, ...]
_READING = re.compile(r'\bfact\("([^"]*)"\)')


def cases_by_fact(suites: Path = SUITES) -> dict[str, list[str]]:
    """Return the ids of the cases that rest on each fact."""
    found: dict[str, list[str]] = {}
    for path in sorted(suites.rglob("test_*.py")):
        for case_id, names in _cases_of(path, judges_read()):
            for name in names:
                found.setdefault(name, []).append(case_id)
    return found


@cache
def named_in(path: Path) -> Names:
    """Return the facts that the source of a module reads by name.

    Every collection looks for them: a search of the text costs a hundredth of parsing it.
    """
    return tuple(dict.fromkeys(_READING.findall(path.read_text(encoding="utf-8"))))


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _cases_of(path: Path, judges: Mapping[str, Names]) -> list[tuple[str, Names]]:
    """Return (id, facts) of the cases of a module."""
    tree = _tree(path)
    parts: dict[str, ast.stmt] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            parts[node.name] = node
        elif isinstance(node, ast.Assign):
            parts |= {target.id: node for target in node.targets if isinstance(target, ast.Name)}
    return [
        (case_id, tuple(dict.fromkeys(_facts_of(node, parts, judges, set()))))
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and (case_id := _case_id(node)) is not None
    ]


def _facts_of(
    node: ast.stmt, parts: Mapping[str, ast.stmt], judges: Mapping[str, Names], seen: set[str]
) -> list[str]:
    """Return the facts that a statement and the parts of its module that it names rest on."""
    names: list[str] = []
    for inner in ast.walk(node):
        names += _read(inner)
        if isinstance(inner, ast.keyword) and inner.arg == "facts":
            names += [text for one in ast.walk(inner.value) if (text := _text(one))]
        elif isinstance(inner, ast.Name) and inner.id in parts:
            if inner.id not in seen:
                seen.add(inner.id)
                names += _facts_of(parts[inner.id], parts, judges, seen)
        elif (called := _name(inner)) in judges:
            names += judges[called]
    return names


@cache
def judges_read() -> dict[str, Names]:
    """Return the facts that functions and methods of JUDGES read, also through each other.

    They are told apart by their names alone: two of one name count as one.
    """
    bodies: dict[str, list[ast.AST]] = {}
    for module in JUDGES:
        for node in ast.walk(_tree(LAB / f"{module}.py")):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                bodies.setdefault(node.name, []).extend(ast.walk(node))
    calls = {name: {_name(one) for one in body} & bodies.keys() for name, body in bodies.items()}
    facts = {name: {one for node in body for one in _read(node)} for name, body in bodies.items()}
    growing = True
    while growing:
        wider = {name: facts[name].union(*(facts[one] for one in calls[name])) for name in facts}
        growing, facts = wider != facts, wider
    return {name: tuple(sorted(found)) for name, found in facts.items() if found}


def _read(node: ast.AST) -> list[str]:
    """Return the fact that a node reads, if it is a call of `fact` with a literal."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "fact":
        return [text for one in node.args if (text := _text(one))]
    return []


def _name(node: ast.AST) -> str:
    """Return the name that a node is, or the attribute that it takes."""
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def _case_id(function: ast.FunctionDef) -> str | None:
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and _name(decorator.func) == "case" and decorator.args:
            return _text(decorator.args[0])
    return None


def _text(node: ast.AST) -> str | None:
    found = node.value if isinstance(node, ast.Constant) else None
    return found if isinstance(found, str) else None


def show(*, as_json: bool = False) -> int:
    """Print the register with the cases that rest on each fact: for people, or as JSON lines."""
    used = cases_by_fact()
    for one in register().values():
        cases = used.get(one.id, [])
        if as_json:
            row = one.model_dump(mode="json") | {"doubtful": one.doubtful, "cases": cases}
            print(json.dumps(row))
        else:
            print("\n".join(_lines(one, cases)))
    return 0


def _lines(one: Fact, cases: Iterable[str]) -> list[str]:
    """Return a fact as people read it."""
    if one.confirmed_by:
        state = f"confirmed by {one.confirmed_by} on {one.confirmed_on}"
    else:
        state = "DOUBTFUL: nobody has confirmed it" if one.doubtful else "settled by its source"
    rows = [
        ("what", one.text),
        ("clause", one.clause or "number not known"),
        ("source", one.source or "none"),
        ("doubt", one.doubt),
        ("note", one.note),
        ("cases", ", ".join(cases) or "none"),
    ]
    return [f"{one}: {state}", *(f"    {name}: {text}" for name, text in rows if text)]
