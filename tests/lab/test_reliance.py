"""Which cases rest on which facts, and that nothing rests on one unseen."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.registers import facts, reliance

SUITES = sorted(reliance.SUITES.rglob("test_*.py"))
JUDGES = [reliance.LAB / f"{name}.py" for name in reliance.JUDGES]
NOT_YET = "no case yet"


def test_cases_are_found_by_what_they_read(tmp_path: Path) -> None:
    (tmp_path / "test_x.py").write_text(
        'LIMIT = fact("a.limit")\n'
        'def helper():\n    return fact("a.helper")\n'
        '@case("X-01", clauses=["C.2"], facts=["a.declared"])\n'
        'def test_a():\n    helper()\n    fact("a.read")\n'
        '@case("X-02", clauses=["C.2"])\ndef test_b():\n    wait(LIMIT)\n'
        "def test_no_case():\n    helper()\n"
    )
    assert reliance.cases_by_fact(tmp_path) == {
        "a.declared": ["X-01"],
        "a.helper": ["X-01"],
        "a.read": ["X-01"],
        "a.limit": ["X-02"],
    }


@pytest.mark.parametrize(
    "line",
    ["air.expect(one, within=3)", "complete(tc)", "back_in_service(tc, 5)", "in_service(tc)"],
)
def test_cases_rest_on_what_judges_for_them(tmp_path: Path, line: str) -> None:
    (tmp_path / "test_x.py").write_text(f'@case("X-01", clauses=[])\ndef test_a():\n    {line}\n')
    assert reliance.cases_by_fact(tmp_path)["limits.reaction"] == ["X-01"]


def test_facts_that_are_named_exist() -> None:
    named = set(reliance.cases_by_fact()) | {
        name for found in reliance.judges_read().values() for name in found
    }
    assert not facts.faults(named, [])


def test_each_doubtful_fact_has_a_case_or_says_why_not() -> None:
    used = reliance.cases_by_fact()
    idle = [one for one in facts.register().values() if one.doubtful and one.id not in used]
    assert not [one.id for one in idle if NOT_YET not in one.note]


def test_a_fact_with_a_case_does_not_say_that_it_has_none() -> None:
    used = reliance.cases_by_fact()
    assert not [name for name in used if NOT_YET in facts.lookup(name).note]


def readings(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "fact"
        ):
            yield node


@pytest.mark.parametrize("path", [*SUITES, *JUDGES], ids=lambda path: path.stem)
def test_facts_are_read_by_name_where_a_case_runs(path: Path) -> None:
    """At import no case runs, and none would rest on what is read there."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {id(one) for node in ast.walk(tree) if is_function(node) for one in readings(node)}
    for call in readings(tree):
        assert id(call) in inside, f"line {call.lineno}: read it in the case that rests on it"
        assert isinstance(call.args[0], ast.Constant), f"line {call.lineno}: a literal name"


def is_function(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def steps_with_facts(function: ast.AST) -> Iterator[tuple[set[int], set[str]]]:
    """The nodes of each step, and the names that it sets from a fact."""
    for block in ast.walk(function):
        if isinstance(block, ast.With) and "step(" in ast.unparse(block.items[0]):
            nodes = list(ast.walk(block))
            sets = [one for one in nodes if isinstance(one, ast.Assign) and any(readings(one))]
            names = {
                target.id
                for one in sets
                for each in one.targets
                for target in ast.walk(each)
                if isinstance(target, ast.Name)
            }
            yield set(map(id, nodes)), names


def carried(function: ast.AST) -> list[str]:
    """Names that a step sets from a fact, used where no step around does."""
    steps = list(steps_with_facts(function))
    suspects = set().union(*(names for _, names in steps))
    return [
        node.id
        for node in ast.walk(function)
        if isinstance(node, ast.Name)
        and node.id in suspects
        and not any(id(node) in nodes and node.id in names for nodes, names in steps)
    ]


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_no_step_carries_a_fact_to_another(path: Path) -> None:
    """What a step reads holds for that step: another would rest on it unseen."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body:
        if is_function(node):
            assert not carried(node)


def test_a_carried_fact_would_be_seen() -> None:
    tree = ast.parse(
        'def test_a():\n    with step("one"):\n        limit = fact("a.b")\n'
        '    with step("two"):\n        wait(limit)\n'
    )
    assert carried(tree.body[0]) == ["limit"]
