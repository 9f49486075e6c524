"""What a campaign writes down, and its exit code: a plug-in of pytest that conftest.py registers.

Workers of pytest-xdist write evidence; records come to the controller with the reports of their
cases, and only there they are written.
"""

from __future__ import annotations

import contextlib
import json
import shlex
import sys
from collections.abc import Generator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lab.runner import Laboratory, Run, utc_now
from lab.verdicts import CaseRecord
from reports import allure
from reports.campaign import (
    ALLURE_RESULTS,
    CAMPAIGN,
    EVIDENCE,
    INCONCLUSIVE_EXIT,
    Campaign,
    CampaignError,
    CaseInfo,
    safe_name,
    write_json,
)
from reports.casefiles import case_capture
from reports.evidence import write_evidence

ROOT = Path(__file__).parent.parent
OUT = ROOT / "reports" / "out"
FIRST_WORKER = "gw0"


class Ledger:
    """The books of one campaign. `folder` is where they are, made when cases were selected."""

    def __init__(self, config: pytest.Config, laboratory: Laboratory) -> None:
        self.config = config
        self.laboratory = laboratory
        self.campaign: Campaign | None = None
        self.foreign_failures = 0
        """Failures of tests that are no cases: those of the harness itself."""
        self._began = utc_now()
        self._has_workers = False
        worker = getattr(config, "workerinput", None)
        self.worker: str | None = worker["workerid"] if worker else None
        named = worker["campaign"] if worker else config.option.campaign
        self.folder = Path(named).absolute() if named else OUT / _folder_name()
        laboratory.safety_report = self.folder / "safety.log"
        if self._runs_cases() and not config.option.collectonly:
            self._direct_allure()

    def _runs_cases(self) -> bool:
        """Whether this run is a campaign, and not one of the harness's own tests alone."""
        start = self.config.invocation_params.dir
        paths = [Path(start, word.split("::")[0]).resolve() for word in self.config.args]
        inside = any(path.is_relative_to(ROOT / "suites") for path in paths)
        return inside or self.worker is not None or self.config.option.campaign is not None

    def _direct_allure(self) -> None:
        """Let allure-pytest write into the campaign, unless somebody said otherwise."""
        if self.config.option.allure_report_dir is None:
            self.config.option.allure_report_dir = str(self.folder / ALLURE_RESULTS)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Give all workers of pytest-xdist one campaign."""
        node.workerinput["campaign"] = str(self.folder)
        self._has_workers = True

    def open(self, runs: Sequence[Run], catalogue: Sequence[Run]) -> None:
        """Write what was selected, before any case runs. Raises CampaignError, ConfigError."""
        if self.worker not in (None, FIRST_WORKER):  # all workers have the same selection
            self.campaign = Campaign(self.folder)
            return
        device = any(run.needs_bench for run in runs)
        self.campaign = Campaign.open(
            self.folder,
            bench=self.laboratory.setup.bench.name if device else "",
            dut=self.laboratory.dut_identity() if device else {},
            selected=[_info(run) for run in runs],
            catalogue=[_info(run) for run in catalogue],
            versions={"python": sys.version.split()[0], "pytest": pytest.__version__},
            command=shlex.join(["pytest", *map(str, self.config.invocation_params.args)]),
            started=utc_now(),
            topology=self.laboratory.setup.topology if device else {},
        )

    def evidence(self, run: Run) -> Path:
        """Return the folder of a case's evidence."""
        return self.folder / EVIDENCE / safe_name(run.id)

    def close_case(self, run: Run) -> CaseRecord:
        """Return the record of an ended case, its evidence written."""
        record = self.laboratory.end(run)
        if self.campaign is None:
            raise RuntimeError("a case ended in a campaign that was not opened")
        folder = self.campaign.case_folder(record.id)
        record.evidence = str(folder.relative_to(self.folder))
        bench = self.laboratory.bench if run.began is not None else None
        capture = None
        if bench is not None and bench.air is not None:
            heard = [frame.rx for frame in bench.air.frames]
            view = bench.air
            known = view.dissector.addresses
            capture = case_capture(f"{run.id}: {run.title}", heard, record.steps, view.keys, known)
        journals = bench.journal_texts() if bench is not None else {}
        write_evidence(folder, record, capture=capture, journals=journals)
        if self.config.pluginmanager.has_plugin("allure_listener"):
            allure.annotate(record)
            allure.attach_folder(folder)
        return record

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the record of each case as it ends."""
        crashed = report.when not in ("setup", "call", "teardown")  # a worker of pytest-xdist
        if report.failed and not crashed and getattr(report, "verdict", None) is None:
            self.foreign_failures += 1  # the case of a crash has no record, and is so undecided
        data = getattr(report, "case_record", None)
        if data is not None:
            self.keep(CaseRecord.from_json(data))

    def keep(self, record: CaseRecord) -> None:
        """Write a record, unless this is a worker whose controller does so."""
        if self.worker is not None:
            return
        if self.campaign is None:
            self.campaign = Campaign.join(self.folder)
        self.campaign.record(record)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, Any, Any]:
        """Conclude the campaign, when the bench is closed: whatever failed on the way there."""
        try:
            return (yield)
        finally:
            self.laboratory.close()
            for alarm in self.laboratory.alarms:
                print(f"\n{alarm}", file=sys.stderr)
            if self._has_workers:
                self._find_campaign()
            if self.campaign is None:
                self._leave_nothing()
            elif self.worker is None:
                self._conclude(session, self.campaign)

    def _find_campaign(self) -> None:
        """Find the campaign that a worker opened, also when none came back with a record."""
        with contextlib.suppress(CampaignError):
            found = Campaign.join(self.folder)
            if found.header().started >= self._began:  # and not that of a run before this one
                self.campaign = found

    def _leave_nothing(self) -> None:
        """allure-pytest makes its folder at once; a run that was refused leaves none behind."""
        with contextlib.suppress(OSError):
            (self.folder / ALLURE_RESULTS).rmdir()
            self.folder.rmdir()

    def _conclude(self, session: pytest.Session, campaign: Campaign) -> None:
        alarms = self.laboratory.alarms
        if self.laboratory.dut is not None:
            campaign.update(dut=self.laboratory.dut_identity())
        summary = campaign.finish(utc_now())
        if alarms:
            header = json.loads((campaign.directory / CAMPAIGN).read_text(encoding="utf-8"))
            write_json(campaign.directory / CAMPAIGN, {**header, "alarms": alarms})
        if session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            session.exitstatus = 1 if self.foreign_failures else summary.exit_code()
        if alarms and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = INCONCLUSIVE_EXIT
        if self.config.option.report:
            # only for who wants pages: collecting cases is to be quick
            from reports import console
            from reports.build import build

            ended = session.exitstatus != pytest.ExitCode.INTERRUPTED
            console.show(build(campaign.directory, allure_html=ended))


def _folder_name() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H%M%SZ")


def _info(run: Run) -> CaseInfo:
    meta = run.meta
    return CaseInfo(run.id, run.title, run.clauses, meta.level, meta.revision, meta.version)
