"""A campaign's laboratory: the bench opened when the first case needs it, and each case's run.

It knows no pytest and no reports: conftest.py tells it what begins and ends, and asks for verdicts.
"""

from __future__ import annotations

import contextlib
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from drivers.errors import BenchFault
from lab import bench as benches
from lab.cases import CaseMeta, Recorder, declared_steps
from lab.clock import SteppedLoop
from lab.dut import DutAdapter
from lab.judge import Conclusion, judge_end, judge_error, why_not
from lab.registers.facts import Fact, doubtful
from lab.registers.registry import resolve
from lab.setup import Setup
from lab.units.joiner import GoldenJoiner
from lab.units.tc import TrustCenter
from lab.verdicts import CaseRecord, Inconclusive, StepRecord, Verdict

REAL_LIMIT_S = 300.0
"""Real seconds that a case may take beyond its deadline on a real bench; all it may take on the
virtual one, whose protocol time costs next to nothing."""

CAPTURE = "capture.pcapng"
"""The file among a case's evidence whose frames a violation names."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What was asked for on the command line."""

    bench: str = "virtual"
    dut: str | None = None
    revision: str = "1.1"
    seed: int | None = None
    defects: tuple[str, ...] = ()
    assume_facts: bool = False

    def rerun(self, case_id: str) -> str:
        """Return the command that repeats one case under these settings."""
        words = ["pytest", "suites", "--bench", self.bench]
        words += ["--dut", self.dut] if self.dut else []
        words += ["--revision", self.revision] if self.revision != "1.1" else []
        words += ["--seed", str(self.seed)] if self.seed is not None else []
        for name in self.defects:
            words += ["--defect", name]
        words += ["--assume-facts"] if self.assume_facts else []
        return shlex.join([*words, "-k", case_id])


def utc_now() -> str:
    """Return the time of day as UTC in ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass(slots=True)
class Run:
    """One case on its way to a verdict."""

    id: str
    title: str
    meta: CaseMeta
    function: Callable[..., Any]
    place: str = ""
    """Where its function is: file and line."""
    recorder: Recorder = field(default_factory=lambda: Recorder(lambda: 0.0))
    conclusion: Conclusion | None = None
    started: str = ""
    began_real: float = 0.0
    began: float | None = None
    """Bench time of its start; None until the bench was ready for it."""

    @property
    def needs_bench(self) -> bool:
        """Whether the case is about a device: vector cases compute alone."""
        return self.meta.kind != "vector"

    @property
    def clauses(self) -> list[str]:
        """Its clauses with the full ids of the registry."""
        return [resolve(clause).id for clause in self.meta.clauses]

    def doubtful(self) -> list[Fact]:
        """Return the facts nobody has confirmed on which what failed rests."""
        return doubtful([*self.meta.facts, *self.recorder.at_stake()])

    def not_applicable(self, reason: str) -> None:
        """Conclude that the case does not apply."""
        self.conclude(Conclusion(Verdict.NOT_APPLICABLE, reason))

    def interrupted(self, reason: str) -> None:
        """Conclude a case that a signal ended."""
        step = self.failed_step()
        where = f" in step {step.text!r}" if step else ""
        self.conclude(Conclusion(Verdict.INCONCLUSIVE, f"interrupted by {reason}{where}"))

    def begin(self) -> None:
        """Start afresh: no step run, nothing observed."""
        self.recorder = Recorder(lambda: 0.0, steps=declared_steps(self.function))
        self.conclusion = None
        self.began = None
        self.started = utc_now()
        self.began_real = time.monotonic()

    def conclude(self, conclusion: Conclusion) -> None:
        """Take a conclusion; what comes after the case's own end cannot make it better."""
        if self.conclusion is None:
            self.conclusion = conclusion
        elif self.conclusion.verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE):
            self.recorder.remark(conclusion.reason)
        else:
            self.conclusion = conclusion

    def failed_step(self) -> StepRecord | None:
        """Return the step that ended the case; None when none did."""
        return next((step for step in self.recorder.steps if step.outcome == "failed"), None)


class Laboratory:
    """The bench of a campaign and what it takes to get verdicts on it.

    `alarms` holds what people must be told loudly: a supply that could not be shown to be off.
    """

    def __init__(self, settings: Settings, safety_report: Path | None = None) -> None:
        self.settings = settings
        self.bench: benches.Bench | None = None
        self.dut: DutAdapter | None = None
        self.alarms: list[str] = []
        self.safety_report = safety_report
        self.protocol_s = 0.0
        self.wall_s = 0.0
        self.closing = False
        self._setup: Setup | None = None
        self._gone: str | None = None
        self._ailing = False
        self._peer: TrustCenter | GoldenJoiner | None = None

    @property
    def setup(self) -> Setup:
        """The files of the campaign, read when they are first asked for. Raises ConfigError."""
        if self._setup is None:
            setup = Setup.load(self.settings.bench, self.settings.dut)
            self._setup = setup.made_with(self.settings.defects)
        return self._setup

    def check(self) -> None:
        """Refuse files that cannot work, before the first device case. Raises ConfigError."""
        self.setup.require_pics()
        self.setup.check(self.settings.defects)

    def open(self) -> benches.Bench:
        """Return the open bench. Raises Inconclusive, at once, when it is gone for good."""
        if self._gone is not None:
            raise Inconclusive(f"not run: {self._gone}")
        if self.bench is not None:
            return self.bench
        bench = benches.Bench(
            self.setup.bench,
            self.setup.dut,
            seed=self.settings.seed,
            revision=self.settings.revision,
            defects=self.settings.defects,
            safety_report=self.safety_report,
        )
        try:
            bench.open()
        except BenchFault as fault:
            self._gone = f"bench {self.setup.bench.name!r} could not be opened: {fault}"
            raise
        self.bench = bench
        self.dut = DutAdapter(bench)
        return bench

    def adapter(self) -> DutAdapter:
        """Return the way to the device."""
        self.open()
        if self.dut is None:
            raise RuntimeError("the bench is open and has no adapter")
        return self.dut

    def peer(self) -> TrustCenter | GoldenJoiner:
        """Return the golden unit that the device is tested with: the trust center, or a joining
        device where the device is the trust center. A new one when the bench was brought back.
        """
        bench = self.open()
        if self._peer is None or self._peer.generation != bench.generation:
            is_trust_center = "tc" in bench.dut_file.roles
            self._peer = GoldenJoiner(bench) if is_trust_center else TrustCenter(bench)
        return self._peer

    def begin(self, run: Run) -> None:
        """Make ready for a case: bring an ailing bench back, then give the case its clock."""
        if not run.needs_bench:
            return
        bench = self.open()
        if self._ailing and not bench.recover():
            self._gone = f"bench {bench.file.name!r} gone: {bench.gone}"
            raise Inconclusive(f"not run: {self._gone}")
        self._ailing = False
        bench.begin_case(run.id, run.meta.deadline)
        run.began = bench.now()
        run.recorder.now = bench.now

    def real_limit(self, run: Run) -> float:
        """Return the real seconds after which a case is taken for stuck in the harness itself."""
        bench = self.bench
        jumps = bench is None or isinstance(bench.loop, SteppedLoop)
        return REAL_LIMIT_S if jumps else REAL_LIMIT_S + run.meta.deadline

    def reason_not_applicable(self, run: Run) -> str | None:
        """Return why the case does not apply, before anything is opened."""
        if not run.needs_bench:
            return None
        bench = self.setup.bench
        reason = why_not(run.meta, self.setup.dut, bench.capabilities, self.settings.revision)
        if reason is None and bench.topology is not None:
            reason = bench.topology.reason_outside(run.id)
        return reason

    def judge(self, run: Run, phase: str, error: BaseException | None = None) -> Conclusion:
        """Conclude a phase of a case; the run keeps it."""
        if error is None:
            conclusion = judge_end(run.meta, run.recorder, self._voucher(run))
        else:
            conclusion = judge_error(
                run.meta,
                run.recorder,
                error,
                phase=phase,
                vouch=self._voucher(run),
                doubtful=self._doubtful(run),
            )
            if conclusion.verdict is Verdict.FAIL:
                run.recorder.remarks += [f"assumed: {one}" for one in run.doubtful()]
        self._ailing = self._ailing or conclusion.bench_fault
        run.conclude(conclusion)
        return conclusion

    def _doubtful(self, run: Run) -> list[str]:
        """Return the facts that keep a case from failing the device."""
        return [] if self.settings.assume_facts else [str(one) for one in run.doubtful()]

    def _voucher(self, run: Run) -> Callable[[], None]:
        """Return how to ask whether the bench is sound, for a case that it was ready for."""
        if self.bench is not None and run.began is not None:
            return self.bench.vouch
        return lambda: None

    def end(self, run: Run) -> CaseRecord:
        """Return the record of a case that has ended."""
        protocol = 0.0
        if self.bench is not None and run.began is not None:
            self.bench.end_case()
            protocol = self.bench.now() - run.began
        wall = time.monotonic() - run.began_real
        if run.needs_bench:
            self.protocol_s += protocol
            self.wall_s += wall
        conclusion = run.conclusion or Conclusion(Verdict.INCONCLUSIVE, "it came to no end")
        return CaseRecord(
            id=run.id,
            title=run.title,
            clauses=run.clauses,
            verdict=conclusion.verdict,
            reason=conclusion.reason,
            revision=self.settings.revision,
            steps=run.recorder.steps,
            started=run.started,
            duration_s=round(wall, 6),
            protocol_s=round(protocol, 6),
            dut=self.dut_identity() if run.needs_bench else {},
            bench=self.setup.bench.name if run.needs_bench else "",
            rerun=self.settings.rerun(run.id),
            level=run.meta.level,
            kind=run.meta.kind,
            version=run.meta.version,
            findings=list(run.meta.findings),
            remarks=list(run.recorder.remarks),
            missed=list(run.recorder.missed),
            exposures=list(run.recorder.exposures),
            cleared=list(run.recorder.cleared),
            unsettled=list(run.recorder.unsettled),
        )

    def dut_identity(self) -> dict[str, Any]:
        """Return what is known of the device: read from it, or else from its file."""
        if self.dut is not None and self.dut.identity is not None:
            said = self.dut.identity.to_json()
            # where it stands in a network changes from case to case, and is no identity
            return {
                "name": self.dut.file.name,
                "eui64": said["eui64"],
                "firmware": said["firmware"],
            }
        dut_file = self.setup.dut
        known = {"name": dut_file.name}
        if dut_file.identity.eui64 is not None:
            known["eui64"] = dut_file.identity.eui64
        return known

    def interrupt(self, reason: BaseException) -> bool:
        """End what the bench is doing because of a signal; False when the caller has to raise."""
        return self.bench is not None and self.bench.loop.interrupt(reason)

    def close(self) -> None:
        """Switch off and close all; note what could not be shown to be off. May be repeated."""
        bench, self.bench = self.bench, None
        if bench is None:
            return
        self.closing = True
        safe = False
        with contextlib.suppress(Exception):
            safe = bench.close()
        if not safe:
            resource = bench.supply.resource if bench.supply else "supply"
            why = f": {bench.faults[-1]}" if bench.faults else ""
            self.alarms.append(
                f"THE OUTPUT OF THE SUPPLY WAS NOT SHOWN TO BE OFF ({resource}){why}. "
                "Switch it off by hand."
            )


def failure_text(run: Run, settings: Settings, evidence: Path | None) -> str:
    """Return what people read first: clause, step, expected, observed, evidence, how to repeat."""
    conclusion = run.conclusion or Conclusion(Verdict.INCONCLUSIVE, "it came to no end")
    violation, step = conclusion.violation, run.failed_step()
    rows = [
        ("case", f"{run.id} (version {run.meta.version})"),
        ("clause", (violation and violation.clause) or ", ".join(run.clauses)),
        ("step", step.text if step else ""),
    ]
    if violation is not None:
        rows += [("expected", violation.expected), ("observed", violation.observed)]
    else:
        rows.append(("cause", conclusion.reason))
    seen = violation.evidence if violation else ""
    if evidence and violation and run.began is not None:
        evidence /= CAPTURE
    assumed = run.doubtful() if conclusion.verdict is Verdict.FAIL else []
    rows.append(("assumed", "; ".join(map(str, assumed))))
    where = ", ".join(part for part in (str(evidence) if evidence else "", seen) if part)
    rows += [("evidence", where), ("code", run.place), ("repeat", settings.rerun(run.id))]
    head = f"{conclusion.verdict.upper()}: {run.title}"
    return "\n".join([head, *(f"  {name + ':':<10} {text}" for name, text in rows if text)])
