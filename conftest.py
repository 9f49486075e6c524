"""Where pytest meets the lab: options, selection, fixtures, verdicts, evidence and the exit code.

The rules of verdicts are in lab/judge.py; here they are applied to what pytest runs. An exception
that leaves a test is turned, where it is raised, into the one that says what it means: Violation
(the device failed), a skip (not applicable), or Inconclusive. So pytest's terminal, Allure and
verdicts.jsonl agree.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import shlex
import signal
import sys
import threading
from collections.abc import Generator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from lab import facts
from lab.air import AirView
from lab.bench import Bench
from lab.cases import CaseError, CaseMeta, declared_steps, recording, title_of
from lab.config import ConfigError
from lab.dut import DutAdapter
from lab.registry import UnknownId, resolve
from lab.runner import Laboratory, Run, Settings, failure_text, utc_now
from lab.verdicts import CaseRecord, Inconclusive, NotApplicable, Verdict
from reports import allure as allure_results
from reports import console
from reports.build import build
from reports.campaign import (
    ALLURE_RESULTS,
    EVIDENCE,
    INCONCLUSIVE_EXIT,
    Campaign,
    CampaignError,
    CaseInfo,
    safe_name,
    write_json,
)
from reports.campaign import CAMPAIGN as CAMPAIGN_FILE
from reports.casefiles import case_capture
from reports.evidence import write_evidence

ROOT = Path(__file__).parent
LAB = pytest.StashKey[Laboratory]()
CAMPAIGN = pytest.StashKey[Campaign]()
FOLDER = pytest.StashKey[Path]()
RUN = pytest.StashKey[Run]()
LEDGER = pytest.StashKey["Ledger"]()
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of a campaign."""
    group = parser.getgroup("lab", "conformance campaign")
    add = group.addoption
    add("--bench", default="virtual", metavar="NAME|FILE", help="bench file (lab/benches)")
    add("--dut", metavar="NAME|FILE", help="DUT file: PICS and PIXIT (default: the bench's)")
    add("--revision", choices=("1.0", "1.1"), default="1.1", help="revision of the profile")
    add(
        "--clause",
        action="append",
        default=[],
        metavar="ID",
        help="run the cases of this clause and its sub-clauses, exactly (-k matches substrings)",
    )
    add(
        "--defect",
        action="append",
        default=[],
        metavar="NAME|MODULE:CLASS",
        help="put a defect into the simulated device",
    )
    add("--campaign", metavar="DIR", help="folder of the results (default: reports/out/<UTC>)")
    add("--seed", type=int, metavar="N", help="seed of all chance (default: the bench file's)")
    add(
        "--assume-facts",
        action="store_true",
        help="let unconfirmed facts of the register fail a device; the verdict says so",
    )
    add("--report", action="store_true", help="build the pages of the campaign when it has ended")


@pytest.hookimpl(tryfirst=True)  # before allure-pytest reads where its results go
def pytest_configure(config: pytest.Config) -> None:
    """Take the options, and decide where results go."""
    option = config.option
    config.stash[LAB] = Laboratory(
        Settings(
            bench=option.bench,
            dut=option.dut,
            revision=option.revision,
            seed=option.seed,
            defects=tuple(option.defect),
            assume_facts=option.assume_facts,
        )
    )
    config.stash[LEDGER] = Ledger(config)
    config.pluginmanager.register(config.stash[LEDGER], "lab-ledger")
    if not _runs_cases(config):
        return
    worker = getattr(config, "workerinput", None)
    folder = Path(worker["campaign"] if worker else option.campaign or _new_folder())
    config.stash[FOLDER] = folder.absolute()
    config.stash[LAB].safety_report = folder.absolute() / "safety.log"
    if getattr(option, "allure_report_dir", None) is None and not option.collectonly:
        option.allure_report_dir = str(folder / ALLURE_RESULTS)


def _runs_cases(config: pytest.Config) -> bool:
    """Whether this run is a campaign, and not one of the harness's own tests alone."""
    suites = ROOT / "suites"
    paths = [Path(config.invocation_params.dir, arg.split("::")[0]) for arg in config.args]
    inside = any(path.resolve().is_relative_to(suites) for path in paths)
    return inside or config.option.campaign is not None


def _new_folder() -> Path:
    return ROOT / "reports" / "out" / datetime.now(UTC).strftime("%Y-%m-%dT%H%M%SZ")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give all workers of pytest-xdist one campaign."""
    if FOLDER in node.config.stash:
        node.workerinput["campaign"] = str(node.config.stash[FOLDER])


# Collection


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Read what each case says of itself, refuse what is wrong, and select by --clause."""
    seen: dict[str, str] = {}
    for item in items:
        run = _run_of(item)
        if run is None:
            continue
        if other := seen.get(run.id):
            raise pytest.UsageError(f"{item.nodeid}: id {run.id} is that of {other} already")
        seen[run.id] = item.nodeid
        item.stash[RUN] = run
        item.extra_keyword_matches.update(_keywords(run))
    if wanted := config.option.clause:
        chosen = _of_clauses(wanted, items)
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen


def _run_of(item: pytest.Item) -> Run | None:
    """Return the case that an item is; None for the harness's own tests."""
    function = getattr(item, "function", None)
    if function is None:
        return None
    meta = getattr(function, "case_meta", None) or _vector_meta(item)
    if meta is None:
        if item.path.is_relative_to(ROOT / "suites"):
            raise pytest.UsageError(f"{item.nodeid}: a test in suites needs @case(...)")
        return None
    faults = [*meta.faults(), *facts.faults(meta.facts)]
    if faults:
        raise pytest.UsageError(f"{item.nodeid}: case {meta.id}: {'; '.join(faults)}")
    try:
        steps = declared_steps(function)
    except CaseError as error:
        raise pytest.UsageError(f"{item.nodeid}: {error}") from None
    call = getattr(item, "callspec", None)
    case_id = f"{meta.id}[{call.id}]" if call is not None and meta.kind != "vector" else meta.id
    line = inspect.unwrap(function).__code__.co_firstlineno
    return Run(case_id, title_of(function), meta, steps, f"{item.location[0]}:{line}")


def _vector_meta(item: pytest.Item) -> CaseMeta | None:
    """Return the case that a plain test of published vectors stands for."""
    module = getattr(item, "module", None)
    algorithm, clauses = getattr(module, "ALGORITHM", None), getattr(module, "CLAUSES", None)
    if algorithm is None or clauses is None:
        return None
    call = getattr(item, "callspec", None)
    name = call.id if call is not None else item.name.removeprefix("test_")
    return CaseMeta(f"VEC-{algorithm}-{name}", tuple(clauses), needs=(), kind="vector")


def _keywords(run: Run) -> set[str]:
    """Return the words by which -k finds a case: clauses with and without document, id, slug."""
    words = {run.id, run.id.lower().replace("-", "_").replace("/", "_")}
    for clause in run.clauses:
        words |= {clause, resolve(clause).section}
    return words


def _of_clauses(wanted: list[str], items: list[pytest.Item]) -> list[pytest.Item]:
    try:
        roots = [resolve(clause).id for clause in wanted]
    except UnknownId as error:
        raise pytest.UsageError(f"--clause: {error}") from None

    def is_wanted(item: pytest.Item) -> bool:
        run = item.stash.get(RUN, None)
        return run is not None and any(
            one == root or one.startswith(f"{root}.") for one in run.clauses for root in roots
        )

    return [item for item in items if is_wanted(item)]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Load the files that the selection needs, and write down what was selected."""
    config = session.config
    runs = [item.stash[RUN] for item in session.items if RUN in item.stash]
    if not runs or config.option.collectonly:
        return
    laboratory = config.stash[LAB]
    try:
        if any(run.needs_bench for run in runs):
            laboratory.require_pics()
        config.stash[CAMPAIGN] = _open_campaign(config, runs)
    except (ConfigError, CampaignError) as error:
        raise pytest.UsageError(str(error)) from None
    _catch_signals(config, laboratory)


def _open_campaign(config: pytest.Config, runs: list[Run]) -> Campaign:
    folder = config.stash.get(FOLDER, None) or _new_folder()
    worker = getattr(config, "workerinput", {}).get("workerid", "gw0")
    if worker != "gw0":  # the first of several workers writes; all have the same selection
        return Campaign(folder)
    needs_bench = any(run.needs_bench for run in runs)
    laboratory = config.stash[LAB]
    return Campaign.open(
        folder,
        bench=laboratory.files()[0].name if needs_bench else "",
        dut=laboratory.dut_identity() if needs_bench else {},
        selected=[
            CaseInfo(
                run.id,
                run.title,
                run.clauses,
                run.meta.level,
                run.meta.revision,
                run.meta.version,
            )
            for run in runs
        ],
        versions={"python": sys.version.split()[0], "pytest": pytest.__version__},
        command=shlex.join(["pytest", *map(str, config.invocation_params.args)]),
        started=utc_now(),
    )


def _catch_signals(config: pytest.Config, laboratory: Laboratory) -> None:
    """Turn signals into an orderly end: cases stop, the supply goes off, records stay."""

    def stop(number: int, _frame: FrameType | None) -> None:
        reason = KeyboardInterrupt(signal.Signals(number).name)
        if laboratory.closing:
            print("the supply is being switched off, please wait", file=sys.stderr)
        elif not laboratory.interrupt(reason):
            raise reason

    def stuck(_number: int, _frame: FrameType | None) -> None:
        reason = Inconclusive("the harness itself is stuck: the case took too much real time")
        if not laboratory.interrupt(reason):
            raise reason

    if threading.current_thread() is not threading.main_thread():
        return
    handlers = {signal.SIGALRM: stuck} | dict.fromkeys(SIGNALS, stop)
    for number, handler in handlers.items():
        before = signal.signal(number, handler)
        config.add_cleanup(partial(_restore, number, before))


def _restore(number: signal.Signals, handler: Any) -> None:
    signal.signal(number, handler)


# Fixtures


@pytest.fixture(scope="session")
def bench(request: pytest.FixtureRequest) -> Bench:
    """The open bench. Cases use it for `wait` and `now`; equipment has views of its own."""
    return request.config.stash[LAB].open()


@pytest.fixture(scope="session")
def dut(request: pytest.FixtureRequest) -> DutAdapter:
    """The device under test: actions, and what it claims."""
    return request.config.stash[LAB].adapter()


@pytest.fixture
def air(bench: Bench) -> AirView:
    """What the sniffer heard since the case began."""
    if bench.air is None:
        raise Inconclusive("the bench has no sniffer")
    return bench.air


@pytest.fixture
def tc(request: pytest.FixtureRequest, bench: Bench) -> Any:
    """The golden trust center and energy services interface."""
    return request.config.stash[LAB].trust_center()


# One case. The wrappers are the innermost ones: others must have begun before a case is refused.


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Give a case its recorder, and a record even when a signal ends it."""
    run = item.stash.get(RUN, None)
    if run is None:
        return (yield)
    run.begin()
    with recording(run.recorder):
        try:
            return (yield)
        except (KeyboardInterrupt, pytest.exit.Exception) as reason:
            run.interrupted(str(reason) or type(reason).__name__)
            item.config.stash[LEDGER].keep(_finish(item.config, run))
            raise


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, Any, Any]:
    """Decide whether the case applies, and bring the bench to it."""
    run = item.stash.get(RUN, None)
    if run is None:
        return (yield)
    laboratory = item.config.stash[LAB]
    try:
        if reason := laboratory.reason_not_applicable(run):
            raise NotApplicable(reason)
        laboratory.begin(run)
        signal.setitimer(signal.ITIMER_REAL, laboratory.real_limit(run))
        return (yield)
    except (Exception, pytest.fail.Exception, pytest.skip.Exception) as error:
        _translate(item, "setup", error)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Conclude the case by how its function ended."""
    run = item.stash.get(RUN, None)
    if run is None:
        return (yield)
    try:
        result = yield
    except (Exception, pytest.fail.Exception, pytest.skip.Exception) as error:
        return _translate(item, "call", error)
    conclusion = item.config.stash[LAB].judge(run, "call")
    if conclusion.verdict is not Verdict.PASS:
        raise Inconclusive(conclusion.reason)
    return result


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, Any, Any]:
    """What fails after a case is no fault of the device."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        return (yield)
    except (Exception, pytest.fail.Exception) as error:
        if RUN not in item.stash:
            raise
        _translate(item, "teardown", error)


def _translate(item: pytest.Item, phase: str, error: BaseException) -> None:
    """Conclude the case with `error`, and raise what pytest and Allure are to see."""
    if isinstance(error, pytest.skip.Exception):
        error = NotApplicable(str(error))
    conclusion = item.config.stash[LAB].judge(item.stash[RUN], phase, error)
    if conclusion.verdict is Verdict.NOT_APPLICABLE:
        raise pytest.skip.Exception(conclusion.reason, _use_item_location=True) from None
    if conclusion.verdict is Verdict.FAIL:
        raise error
    if conclusion.verdict is Verdict.INCONCLUSIVE:
        raise Inconclusive(conclusion.reason) from error


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Give the report its verdict; at the end of the case write record and evidence."""
    report = yield
    run = item.stash.get(RUN, None)
    if run is None:
        return report
    if report.failed:
        settings = item.config.stash[LAB].settings
        verdict = run.conclusion.verdict if run.conclusion else Verdict.INCONCLUSIVE
        vars(report)["verdict"] = str(verdict)
        text = failure_text(run, settings, _evidence_folder(item.config, run))
        if item.config.option.tbstyle in ("long", "short", "native"):
            text = f"{text}\n\n{report.longreprtext}"
        report.longrepr = text
    if report.when == "teardown":
        # Reports travel from workers of pytest-xdist as JSON, and what they carry with them.
        vars(report)["case_record"] = _finish(item.config, run).to_json()
    return report


def _finish(config: pytest.Config, run: Run) -> CaseRecord:
    """Return the record of an ended case, its evidence written."""
    laboratory, campaign = config.stash[LAB], config.stash[CAMPAIGN]
    record = laboratory.end(run)
    folder = campaign.case_folder(record.id)
    record.evidence = str(folder.relative_to(campaign.directory))
    bench = laboratory.bench if run.began is not None else None
    capture = None
    if bench is not None and bench.air is not None:
        heard = [frame.rx for frame in bench.air.frames]
        capture = case_capture(f"{run.id}: {run.title}", heard, record.steps, bench.air.keys)
    journals = bench.journal_texts() if bench is not None else {}
    write_evidence(folder, record, capture=capture, journals=journals)
    if config.pluginmanager.has_plugin("allure_listener"):
        allure_results.annotate(record)
        allure_results.attach_folder(folder)
    return record


def _evidence_folder(config: pytest.Config, run: Run) -> Path:
    return config.stash[CAMPAIGN].directory / EVIDENCE / safe_name(run.id)


# The end


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(report: Any) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
    """Show inconclusive cases as what they are."""
    if getattr(report, "verdict", None) == Verdict.INCONCLUSIVE and report.failed:
        return "inconclusive", "I", ("INCONCLUSIVE", {"yellow": True})
    return None


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Name what was undecided and why, where the evidence is, and what is dangerous."""
    write = terminalreporter.write_line
    undecided = terminalreporter.getreports("inconclusive")
    if undecided:
        terminalreporter.write_sep("=", "INCONCLUSIVE", yellow=True)
    for report in undecided:
        write(report.longreprtext)
    laboratory = config.stash[LAB]
    if CAMPAIGN in config.stash:
        write(f"campaign: {config.stash[CAMPAIGN].directory}")
    if laboratory.protocol_s and laboratory.wall_s:
        ratio = laboratory.protocol_s / laboratory.wall_s
        write(
            f"device cases: {laboratory.protocol_s:.0f} s of protocol time in "
            f"{laboratory.wall_s:.1f} s ({ratio:.0f} times faster than real)"
        )
    for alarm in laboratory.alarms:
        write(alarm, red=True, bold=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Switch off before the summary is written, which has to tell of it."""
    session.config.stash[LAB].close()


def pytest_unconfigure(config: pytest.Config) -> None:
    """The last way out: nothing may leave the supply on."""
    if LAB in config.stash:
        config.stash[LAB].close()
    if FOLDER in config.stash and CAMPAIGN not in config.stash:
        # allure-pytest made its folder at once; a run that was refused leaves none behind.
        with contextlib.suppress(OSError):
            (config.stash[FOLDER] / ALLURE_RESULTS).rmdir()
            config.stash[FOLDER].rmdir()


class Ledger:
    """Writes down what cases came to, in the one process that writes, and sets the exit code."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.foreign_failures = 0
        """Failures of tests that are no cases: those of the harness itself."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the record of each case as it ends."""
        if report.failed and getattr(report, "verdict", None) is None:
            self.foreign_failures += 1
        data = getattr(report, "case_record", None)
        if data is not None:
            self.keep(CaseRecord.from_json(data))

    def keep(self, record: CaseRecord) -> None:
        """Write a record, unless this is a worker whose controller does so."""
        if hasattr(self.config, "workerinput"):
            return
        if CAMPAIGN not in self.config.stash:
            self.config.stash[CAMPAIGN] = Campaign.join(self.config.stash[FOLDER])
        self.config.stash[CAMPAIGN].record(record)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, Any, Any]:
        """Conclude the campaign, when the bench is closed: whatever failed on the way there."""
        laboratory = self.config.stash[LAB]
        try:
            result = yield
        finally:
            laboratory.close()
            for alarm in laboratory.alarms:
                print(f"\n{alarm}", file=sys.stderr)
        if CAMPAIGN in self.config.stash and not hasattr(self.config, "workerinput"):
            self._conclude(session, laboratory)
        return result

    def _conclude(self, session: pytest.Session, laboratory: Laboratory) -> None:
        campaign = self.config.stash[CAMPAIGN]
        if laboratory.dut is not None:
            campaign.update(dut=laboratory.dut_identity())
        summary = campaign.finish(utc_now())
        if laboratory.alarms:
            path = campaign.directory / CAMPAIGN_FILE
            header = json.loads(path.read_text(encoding="utf-8"))
            write_json(path, {**header, "alarms": laboratory.alarms})
        if session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            session.exitstatus = 1 if self.foreign_failures else summary.exit_code()
        if laboratory.alarms and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = INCONCLUSIVE_EXIT
        if self.config.option.report:
            ended = session.exitstatus != pytest.ExitCode.INTERRUPTED
            console.show(build(campaign.directory, allure_html=ended))
