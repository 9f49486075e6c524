"""Cases: what a test function says of itself, and the record of the steps that it takes.

A case is a plain pytest function with `@case(...)`. Its steps are declared by writing them: each
`with step("text")` in the function's own source counts, and a case of which a declared step did not
run cannot pass. The decorator registers nothing; who collects the function reads its `case_meta`.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, TypeVar, get_args

from lab.registers import pics
from lab.registers.registry import UnknownId, finding, resolve
from lab.verdicts import StepRecord, Violation

Level = Literal["shall", "should", "may", "report"]
Kind = Literal["positive", "negative", "robustness", "security", "vector"]
RevisionRange = Literal["1.0", "1.1", "both"]
CAPABILITIES = ("radio", "second_radio", "sniffer", "console", "supply", "supply.trace")
ROLES = (
    "all",
    "joiner",
    "router",
    "sleepy",
    "tc",
    "esi",
    "metering",
    "ipd",
    "pct",
    "load_control",
    "range_extender",
    "smart_appliance",
    "prepayment",
)
DEADLINE_S = 3600.0
"""Protocol seconds that a case may take unless it says otherwise."""

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


class CaseError(ValueError):
    """A case is written wrongly; the text names the case and what to change."""


@dataclass(frozen=True, slots=True)
class CaseMeta:
    """What a case says of itself. Ids are never reused; `version` rises when steps or limits do.

    `pics` is a boolean expression over PICS items ("" = always), `needs` names capabilities of the
    bench, `dut` roles of which the device must have one, `deadline` is in protocol seconds.
    """

    id: str
    clauses: tuple[str, ...]
    pics: str = ""
    needs: tuple[str, ...] = ("radio", "sniffer")
    dut: tuple[str, ...] = ("all",)
    revision: RevisionRange = "both"
    level: Level = "shall"
    kind: Kind = "positive"
    version: int = 1
    findings: tuple[str, ...] = ()
    deadline: float = DEADLINE_S
    facts: tuple[str, ...] = ()
    """Duties of the register on which the case rests as a whole: it does not apply where one is
    none (value false). What its steps read adds to them."""

    def faults(self) -> list[str]:
        """Return what is wrong with these words, by the registry; empty when all is known."""
        # Some published vectors test what the harness is made of (Spinel), and no clause.
        faults = [] if self.clauses or self.kind == "vector" else ["names no clause"]
        for known, names in ((resolve, self.clauses), (finding, self.findings)):
            for name in names:
                try:
                    known(name)
                except UnknownId as error:
                    faults.append(str(error))
        try:
            pics.parse(self.pics)
        except pics.PicsError as error:
            faults.append(str(error))
        choices: list[tuple[str, Sequence[str], Sequence[str]]] = [
            ("need", self.needs, CAPABILITIES),
            ("role", self.dut, ROLES),
            ("level", [self.level], get_args(Level)),
            ("kind", [self.kind], get_args(Kind)),
            ("revision", [self.revision], get_args(RevisionRange)),
        ]
        for word, given, allowed in choices:
            wrong = [one for one in given if one not in allowed]
            faults += [f"{word} {one!r} is none of {', '.join(allowed)}" for one in wrong]
        return faults


def case(
    case_id: str,
    *,
    clauses: Sequence[str],
    pics: str | Sequence[str] = "",
    needs: Sequence[str] = ("radio", "sniffer"),
    dut: Sequence[str] = ("all",),
    revision: RevisionRange = "both",
    level: Level = "shall",
    kind: Kind = "positive",
    version: int = 1,
    findings: Sequence[str] = (),
    deadline: float = DEADLINE_S,
    facts: Sequence[str] = (),
) -> Callable[[FunctionT], FunctionT]:
    """Make a test function a case. See CaseMeta; a list of PICS items means all of them."""
    expression = pics if isinstance(pics, str) else " and ".join(pics)
    meta = CaseMeta(
        id=case_id,
        clauses=tuple(clauses),
        pics=expression,
        needs=tuple(needs),
        dut=tuple(dut),
        revision=revision,
        level=level,
        kind=kind,
        version=version,
        findings=tuple(findings),
        deadline=deadline,
        facts=tuple(facts),
    )

    def mark(function: FunctionT) -> FunctionT:
        function.case_meta = meta  # type: ignore[attr-defined]
        return function

    return mark


def procedure(function: FunctionT) -> FunctionT:
    """Mark a function of a suite whose steps count as steps of the cases that call it by name."""
    function.is_procedure = True  # type: ignore[attr-defined]
    return function


def title_of(function: Callable[..., Any]) -> str:
    """Return the test purpose: the first paragraph of the docstring, else the function's name."""
    text = inspect.getdoc(function) or ""
    first = " ".join(text.split("\n\n")[0].split())
    return first or function.__name__.removeprefix("test_").replace("_", " ")


def declared_steps(function: Callable[..., Any]) -> list[StepRecord]:
    """Return the steps written in a function's source, in their order, none of them run.

    Raises CaseError when the text of a step is no literal: the report has to name it without
    running it.
    """
    return [StepRecord(text, expect) for text, expect in _written_steps(inspect.unwrap(function))]


@cache
def _written_steps(function: Callable[..., Any]) -> list[tuple[str, str]]:
    """Return text and expectation of each step; once a function, however many cases it makes."""
    source = textwrap.dedent(inspect.getsource(function))
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    nodes.sort(key=lambda call: (call.lineno, call.col_offset))
    steps: list[tuple[str, str]] = []
    for call in nodes:
        if (called := _procedure(call, function)) is not None:
            steps += _written_steps(inspect.unwrap(called))
        elif _is_step(call):
            steps.append(_written_step(call, function))
    return steps


def _procedure(call: ast.Call, caller: Any) -> Callable[..., Any] | None:
    """Return the procedure that a call names, if it names one."""
    found = caller.__globals__.get(call.func.id) if isinstance(call.func, ast.Name) else None
    return found if getattr(found, "is_procedure", False) else None


def _written_step(call: ast.Call, function: Any) -> tuple[str, str]:
    """Return text and expectation of the step that a call of `step` declares."""
    text = _literal(call.args[0]) if call.args else None
    if text is None:
        line = function.__code__.co_firstlineno + call.lineno - 1
        raise CaseError(
            f"{function.__name__}, line {line}: the first argument of step() must be a literal"
        )
    given = {word.arg: word.value for word in call.keywords}
    expected = given.get("expect", call.args[1] if len(call.args) > 1 else None)
    return text, (_literal(expected) if expected else None) or ""


def _is_step(node: ast.AST) -> Any:
    """Return the node when it is a call of `step`, else None."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "step":
        return node
    return None


def _literal(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


@dataclass(slots=True)
class Recorder:
    """What happens in one run of a case: its steps, remarks, and the facts they rest on.

    `now` gives protocol seconds. `listeners` are told of each step as it begins and ends: reports
    and captures hang on there.
    """

    now: Callable[[], float]
    steps: list[StepRecord] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    """Recommendations that the device missed; each stands among the remarks as well."""
    exposures: list[str] = field(default_factory=list)
    """Weaknesses that the device showed; each stands among the remarks as well."""
    cleared: list[str] = field(default_factory=list)
    """Weaknesses that were looked for and that the device did not show."""
    unsettled: list[str] = field(default_factory=list)
    """Weaknesses that were looked for and could not be told; among the remarks as well."""
    facts: dict[str, list[list[StepRecord]]] = field(default_factory=dict)
    """Facts that were read, with the steps that were under way each time (none: outside of any)."""
    listeners: list[Callable[[StepRecord], None]] = field(default_factory=list)
    open: list[StepRecord] = field(default_factory=list)
    """The steps under way, outermost first."""
    observations: int = 0

    def begin(self, text: str, expect: str) -> StepRecord:
        """Take the next declared step of this text, or add one that a helper takes."""
        waiting = (one for one in self.steps if one.text == text and one.started is None)
        record = next(waiting, None)
        if record is None:
            record = StepRecord(text)
            self.steps.insert(self._place(), record)
        record.expect = expect or record.expect
        record.started = self.now()
        self.open.append(record)
        self._tell(record)
        return record

    def end(self, record: StepRecord, outcome: str) -> None:
        """Close a step with one of STEP_OUTCOMES."""
        record.outcome = outcome
        record.ended = self.now()
        self.open.pop()  # steps are context managers: the innermost ends first
        if record.observed and outcome == "done":
            self.observations += 1
        self._tell(record)

    def remark(self, text: str) -> None:
        """Keep a remark with the step under way, and with the case."""
        if self.open:
            self.open[-1].remarks.append(text)
        self.remarks.append(text)

    def miss(self, text: str) -> None:
        """Keep a recommendation that the device missed."""
        self.missed.append(text)
        self.remark(f"recommendation missed: {text}")

    def weakness(self, present: bool | None, text: str) -> None:
        """Keep what was found of a weakness; None: it could not be told."""
        if present is None:
            self.unsettled.append(text)
            self.remark(f"exposure not shown: {text}")
        elif present:
            self.exposures.append(text)
            self.remark(f"exposure: {text}")
        else:
            self.cleared.append(text)

    def rest_on(self, fact_id: str) -> None:
        """Keep that the step under way rests on a fact, or else the whole case."""
        self.facts.setdefault(fact_id, []).append(list(self.open))

    def at_stake(self) -> list[str]:
        """Return the facts on which what failed rests: read in the step that failed, or in none.

        A value is not carried from one step to another (tests/lab/test_reliance.py looks for it),
        so a requirement that is certain fails a device though another step of its case is in doubt.
        """
        failed = {id(one) for one in self.steps if one.outcome == "failed"}
        return [
            name
            for name, readings in self.facts.items()
            if any(not steps or not failed or failed & set(map(id, steps)) for steps in readings)
        ]

    @property
    def current(self) -> StepRecord | None:
        """The innermost step under way."""
        return self.open[-1] if self.open else None

    def not_run(self) -> list[StepRecord]:
        """Return the declared steps that did not run."""
        return [one for one in self.steps if one.started is None]

    def _place(self) -> int:
        """Where a step that was not declared goes: after the last one that has begun."""
        begun = [index for index, one in enumerate(self.steps) if one.started is not None]
        return begun[-1] + 1 if begun else 0

    def _tell(self, record: StepRecord) -> None:
        for listener in self.listeners:
            listener(record)


_recorders: list[Recorder] = []
"""The recorder of the case that runs, innermost last: tests of the harness run cases in cases."""


@contextmanager
def recording(recorder: Recorder) -> Iterator[Recorder]:
    """Make `recorder` the one that `step`, `remark`, `should` and `weakness` write to."""
    _recorders.append(recorder)
    try:
        yield recorder
    finally:
        _recorders.remove(recorder)


def current_recorder() -> Recorder | None:
    """Return the recorder of the case that runs; None outside of one."""
    return _recorders[-1] if _recorders else None


def recorder() -> Recorder:
    """Return the recorder of the case that runs. Raises RuntimeError outside of one."""
    if not _recorders:
        raise RuntimeError("no case is running: step() belongs into a function with @case")
    return _recorders[-1]


@contextmanager
def step(text: str, expect: str = "") -> Iterator[StepRecord]:
    """Take one step of the case; set `.observed` of what it gives to what was seen.

    `expect` says in words what a conformant device does. The step fails with the exception that
    leaves it.
    """
    here = recorder()
    record = here.begin(text, expect)
    try:
        yield record
    except Violation as violation:
        record.observed = record.observed or violation.observed
        here.end(record, "failed")
        raise
    except BaseException:
        here.end(record, "failed")
        raise
    here.end(record, "done")


def observe(text: str) -> None:
    """Say what was seen in the step under way: the positive observation that a pass needs.

    Further observations of one step are put behind it. Outside of any step it counts all the same.
    """
    here = recorder()
    if here.current is None:
        here.observations += 1
    else:
        before = here.current.observed
        here.current.observed = f"{before}; {text}" if before else text


def remark(text: str) -> None:
    """Note something that changes no verdict: a missed recommendation, a measured value."""
    recorder().remark(text)


def should(met: bool, expected: str, observed: str) -> bool:
    """Judge a recommendation: a missed one is a remark and never a fail. Returns `met`.

    Met or missed, something was seen of the device; whether the bench could see is asked later.
    """
    observe(observed)
    if not met:
        recorder().miss(f"expected {expected}; observed {observed}")
    return met


def weakness(present: bool | None, what: str, observed: str) -> bool:
    """Record whether the device shows a weakness that no clause forbids. Returns whether it does.

    `what` names the weakness, `observed` says what was seen of it. The verdict does not change;
    the findings report tells the exposure. Present or not, something was seen of the device. None
    says that it could not be told: no observation, and no finding is cleared while it stands.
    """
    if present is not None:
        observe(observed)
    recorder().weakness(present, f"{what}: {observed}")
    return bool(present)
