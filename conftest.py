"""Where pytest meets the lab: options, selection, fixtures, verdicts, evidence and the exit code.

The rules of verdicts are in lab/judge.py; here they are applied to what pytest runs. An exception
that leaves a test is turned, where it is raised, into the one that says what it means: Violation
(the device failed), a skip (not applicable), or Inconclusive. So pytest's terminal, Allure and
verdicts.jsonl agree.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Generator, Sequence
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from lab.air import AirView
from lab.bench import Bench
from lab.cases import CaseError, declared_steps, recording
from lab.config import ConfigError
from lab.dut import DutAdapter
from lab.explain import explain, open_items, runs_named
from lab.registers.registry import UnknownId, resolve
from lab.runner import Laboratory, Run, Settings, failure_text
from lab.selection import is_below, keywords, run_of
from lab.units.joiner import GoldenJoiner
from lab.verdicts import Inconclusive, NotApplicable, Verdict
from reports.campaign import CampaignError
from reports.ledger import Ledger

SUITES = Path(__file__).parent / "suites"
LAB = pytest.StashKey[Laboratory]()
LEDGER = pytest.StashKey[Ledger]()
RUN = pytest.StashKey[Run]()
CATALOGUE = pytest.StashKey[Sequence[Run]]()
UNSTATED = pytest.StashKey[dict[str, list[str]]]()
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
    add("--why", metavar="CASE", help="say why a case is selected or not, and run nothing")
    add("--report", action="store_true", help="build the pages of the campaign when it has ended")


@pytest.hookimpl(tryfirst=True)  # before allure-pytest reads where its results go
def pytest_configure(config: pytest.Config) -> None:
    """Take the options; nothing is opened before a case needs it."""
    option = config.option
    settings = Settings(
        bench=option.bench,
        dut=option.dut,
        revision=option.revision,
        seed=option.seed,
        defects=tuple(option.defect),
        assume_facts=option.assume_facts,
    )
    config.stash[LAB] = Laboratory(settings)
    config.stash[LEDGER] = Ledger(config, config.stash[LAB])
    config.pluginmanager.register(config.stash[LEDGER], "lab-ledger")


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
        item.extra_keyword_matches.update(keywords(run))
    config.stash[CATALOGUE] = [item.stash[RUN] for item in items if RUN in item.stash]
    if config.option.clause:
        _select_clauses(config, items)


def _run_of(item: pytest.Item) -> Run | None:
    """Return the case that an item is; None for the harness's own tests."""
    function = getattr(item, "function", None)
    if function is None:
        return None
    call = getattr(item, "callspec", None)
    file = item.nodeid.partition("::")[0]
    try:
        run = run_of(function, getattr(item, "module", None), call.id if call else None, file)
    except CaseError as error:
        raise pytest.UsageError(f"{item.nodeid}: {error}") from None
    if run is None and item.path.is_relative_to(SUITES):
        raise pytest.UsageError(f"{item.nodeid}: a test in suites needs @case(...)")
    return run


def _select_clauses(config: pytest.Config, items: list[pytest.Item]) -> None:
    try:
        roots = [resolve(clause).id for clause in config.option.clause]
    except UnknownId as error:
        raise pytest.UsageError(f"--clause: {error}") from None
    chosen = [item for item in items if RUN in item.stash and is_below(item.stash[RUN], roots)]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen


def pytest_collection_finish(session: pytest.Session) -> None:
    """Read the steps of what was selected, load the files it needs, and write down what it is."""
    config = session.config
    _spare_hypothesis(config)
    runs = [item.stash[RUN] for item in session.items if RUN in item.stash]
    refused = CATALOGUE not in config.stash  # pytest comes here even then
    if refused or not runs:
        return
    _read_steps(session.items)
    if config.option.collectonly or config.option.why:
        return
    try:
        if any(run.needs_bench for run in runs):
            laboratory = config.stash[LAB]
            laboratory.check()
            dut, revision = laboratory.setup.dut, laboratory.settings.revision
            config.stash[UNSTATED] = open_items(runs, dut, revision)
        config.stash[LEDGER].open(runs, config.stash[CATALOGUE])
    except (ConfigError, CampaignError) as error:
        raise pytest.UsageError(str(error)) from None
    _catch_signals(config, config.stash[LAB])


def _read_steps(items: Sequence[pytest.Item]) -> None:
    for item in items:
        try:
            if RUN in item.stash:
                declared_steps(item.stash[RUN].function)
        except CaseError as error:
            raise pytest.UsageError(f"{item.nodeid}: {error}") from None


def _spare_hypothesis(config: pytest.Config) -> None:
    """Send its plug-in away where nothing uses it: at the end it would load the whole library."""
    if "hypothesis" not in sys.modules and config.pluginmanager.has_plugin("hypothesispytest"):
        config.pluginmanager.unregister(name="hypothesispytest")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Explain the selection of one case instead of running any."""
    config, name = session.config, session.config.option.why
    if name is None:
        return None
    laboratory, catalogue = config.stash[LAB], config.stash[CATALOGUE]
    try:
        setup, runs = laboratory.setup, runs_named(name, catalogue)
    except (ConfigError, LookupError) as error:
        raise pytest.UsageError(f"--why: {error.args[0]}") from None
    revision, bench = laboratory.settings.revision, setup.bench
    for run in runs:
        print("", *explain(run, setup.dut, bench.capabilities, revision, bench.topology), sep="\n")
    return True


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
    """The golden partner: trust center and ESI, or a joining device for one that is tested."""
    return request.config.stash[LAB].peer()


@pytest.fixture
def joiner(request: pytest.FixtureRequest, bench: Bench) -> GoldenJoiner:
    """The golden joining device; for cases of devices that are the trust center."""
    peer = request.config.stash[LAB].peer()
    if not isinstance(peer, GoldenJoiner):
        raise Inconclusive("the device is no trust center: nothing joins it")
    return peer


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
            ledger = item.config.stash[LEDGER]
            ledger.keep(ledger.close_case(run))
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
    if isinstance(error, pytest.exit.Exception):
        raise error
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
    ledger = item.config.stash[LEDGER]
    if report.failed:
        settings = item.config.stash[LAB].settings
        verdict = run.conclusion.verdict if run.conclusion else Verdict.INCONCLUSIVE
        vars(report)["verdict"] = str(verdict)
        text = failure_text(run, settings, ledger.evidence(run))
        if item.config.option.tbstyle in ("long", "short", "native"):
            text = f"{text}\n\n{report.longreprtext}"
        report.longrepr = text
    if report.when == "teardown":
        # Reports travel from workers of pytest-xdist as JSON, and what they carry with them.
        vars(report)["case_record"] = ledger.close_case(run).to_json()
    return report


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
    for item, cases in config.stash.get(UNSTATED, {}).items():
        write(f"the PICS does not say whether {item}: {', '.join(cases)} did not apply for it")
    if config.stash[LEDGER].campaign is not None:
        write(f"campaign: {config.stash[LEDGER].folder}")
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
