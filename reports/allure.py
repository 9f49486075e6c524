"""Verdicts and evidence into Allure results.

allure-pytest writes a result for every test that runs; `annotate` and `attach_folder` add to the
one that is running what the campaign knows. `complete` is run when the campaign has ended: it makes
Allure and verdicts.jsonl agree, and adds the cases that allure-pytest could not write (a worker
that was killed leaves none).

Statuses: pass -> passed, fail -> failed, inconclusive -> broken, not applicable -> skipped. So a
device fault is `failed` and everything else that went wrong is `broken`.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import allure as allure_untyped
import pytest
from allure_commons import plugin_manager

from lab.registers.registry import UnknownId, resolve
from lab.verdicts import CaseRecord, Inconclusive, StepRecord, Verdict, Violation
from reports.campaign import ALLURE_RESULTS, CaseInfo, read_header, read_summary, write_json
from reports.text import visible, visible_tree

allure_api: Any = allure_untyped

STATUS = {
    Verdict.PASS: "passed",
    Verdict.FAIL: "failed",
    Verdict.INCONCLUSIVE: "broken",
    Verdict.NOT_APPLICABLE: "skipped",
}
CASE_LABEL = "case"
NOT_RUN = "not run: the campaign ended before this case had a verdict"
LARGEST_ATTACHMENT = 512 * 1024
"""Octets; a single-file report holds all attachments, so larger ones stay in the folder alone."""

CATEGORIES: list[dict[str, Any]] = [
    {"name": "Device: against a clause", "matchedStatuses": ["failed"]},
    {
        "name": "Bench: equipment failed",
        "matchedStatuses": ["broken"],
        "messageRegex": r"[\s\S]*(BenchFault|PortGone|NoAnswer|InstrumentFault)[\s\S]*",
    },
    {
        "name": "Not run",
        "matchedStatuses": ["broken", "unknown"],
        "messageRegex": r"^not run: [\s\S]*",
    },
    {
        "name": "Inconclusive: precondition, timing or unconfirmed fact",
        "matchedStatuses": ["broken"],
        "messageRegex": r"[\s\S]*[Ii]nconclusive[\s\S]*",
    },
    {"name": "Harness: error in the test itself", "matchedStatuses": ["broken"]},
    {"name": "Not applicable to this device or bench", "matchedStatuses": ["skipped"]},
]
"""The first that matches names the category: device faults stand apart from all others.

The expressions hold for Allure 2 (Java, whole message) and Allure 3 (JavaScript, any part)."""

_SEVERITY = {"shall": "critical", "should": "normal", "may": "minor", "report": "minor"}
_TYPES = {
    ".json": ("application/json", "json"),
    ".log": ("text/plain", "log"),
    ".txt": ("text/plain", "txt"),
    ".csv": ("text/csv", "csv"),
    ".svg": ("image/svg+xml", "svg"),
    ".png": ("image/png", "png"),
    ".pcapng": ("application/x-pcapng", "pcapng"),
}
_WRITTEN_HERE = "campaign-"


@dataclass(frozen=True, slots=True)
class StepView:
    """A step as Allure shows it."""

    title: str
    parameters: dict[str, str]
    status: str
    message: str


def annotate(record: CaseRecord) -> None:
    """Add title, labels, description and steps of `record` to the test that is running.

    Call it from a pytest hook after the verdict (`pytest_runtest_makereport`), not from a fixture:
    Allure would file the steps under the fixture's tear-down.
    """
    allure_api.dynamic.title(_title(record))
    for name, value in labels(record):
        allure_api.dynamic.label(name, value)
    allure_api.dynamic.description(description(record))
    for step in steps(record):
        _add_step(step)


def attach_folder(folder: Path) -> None:
    """Attach the files of an evidence folder to the test that is running, but the largest."""
    for path in _attachable(folder):
        kind, extension = _TYPES[path.suffix]
        allure_api.attach.file(str(path), name=path.name, attachment_type=kind, extension=extension)


def write_environment(results: Path, mapping: Mapping[str, str]) -> None:
    """Write environment.properties: identity of the device, bench, versions."""
    lines = []
    for key, value in mapping.items():
        name = visible(str(key)).replace("=", "-").replace("\n", " ")
        text = visible(str(value)).replace("\\", "\\\\").replace("\n", " ")
        lines.append(f"{name} = {text}\n")
    results.mkdir(parents=True, exist_ok=True)
    (results / "environment.properties").write_text("".join(lines), encoding="utf-8")


def write_categories(results: Path) -> None:
    """Write categories.json, which parts device faults from bench faults."""
    results.mkdir(parents=True, exist_ok=True)
    write_json(results / "categories.json", CATEGORIES)


def labels(record: CaseRecord) -> list[tuple[str, str]]:
    """Return the labels of a case; every clause is one, so that reports can be grouped by it."""
    found = [(CASE_LABEL, record.id), ("severity", _SEVERITY.get(record.level, "normal"))]
    found += [("clause", clause) for clause in record.clauses]
    found += [("finding", finding) for finding in record.findings]
    rest = {
        "level": record.level,
        "kind": record.kind,
        "revision": record.revision,
        "bench": record.bench,
        "dut": str(record.dut.get("eui64") or record.dut.get("name") or ""),
        "version": str(record.version),
        "verdict": str(record.verdict),
    }
    found += [(name, value) for name, value in rest.items() if value]
    return [(name, visible(value)) for name, value in found]


def description(record: CaseRecord) -> str:
    """Return in Markdown which clauses are tested, where the evidence is and how to repeat it.

    It is text: Allure 3 makes links of http addresses only, and these would be relative ones.
    """
    parts = [f"- {_clause_line(clause)}" for clause in record.clauses]
    if record.evidence:
        parts.append(f"\nEvidence: `{visible(record.evidence)}`")
    if record.rerun:
        parts.append(f"\nRepeat: `{visible(record.rerun)}`")
    return "\n".join(parts)


def steps(record: CaseRecord) -> list[StepView]:
    """Return the steps of a case with what was expected and what was observed."""
    return [_step(step, record) for step in record.steps]


def complete(directory: Path) -> None:
    """Make the Allure results of an ended campaign agree with its verdicts. May be repeated."""
    results = directory / ALLURE_RESULTS
    results.mkdir(parents=True, exist_ok=True)
    for path in results.glob(f"{_WRITTEN_HERE}*-result.json"):
        path.unlink()
    summary, header = read_summary(directory), read_header(directory)
    there = _results_by_case(results)
    for record in summary.records:
        if paths := there.get(record.id):
            _align(paths.pop(0), record)
        else:
            _write_result(results, record, _evidence_files(results, directory, record))
    infos = {case.id: case for case in header.cases}
    for case in summary.not_run:
        record = _unrun(infos.get(case, CaseInfo(case)))
        record.started = header.ended or header.started
        _write_result(results, record, [])
    write_categories(results)
    write_environment(results, _environment(header.bench, header.dut, header.versions))


def _title(record: CaseRecord) -> str:
    return visible(f"{record.id} {record.title}".strip())


def _clause_line(text: str) -> str:
    try:
        clause = resolve(text)
    except UnknownId:
        return f"**{visible(text)}**"
    return f"**{clause.id}** {clause.title} ({clause.document}; number: {clause.mark})"


def _environment(bench: str, dut: Mapping[str, Any], versions: Mapping[str, str]) -> dict[str, str]:
    found = {"bench": bench} if bench else {}
    found |= {f"DUT.{key}": str(value) for key, value in dut.items()}
    return found | {f"version.{name}": version for name, version in versions.items()}


def _step(step: StepRecord, record: CaseRecord) -> StepView:
    parameters = {"expected": step.expect, "observed": step.observed}
    if step.started is not None:
        ended = "" if step.ended is None else f"{step.ended:.6f} s"
        parameters["bench time"] = f"{step.started:.6f} s to {ended}"
    if step.remarks:
        parameters["remarks"] = "; ".join(step.remarks)
    status = {"done": "passed", "not run": "skipped"}.get(step.outcome, "failed")
    if status == "failed" and record.verdict is not Verdict.FAIL:
        status = "broken"
    message = "" if status in ("passed", "skipped") else visible(step.observed or record.reason)
    shown = {key: visible(value) for key, value in parameters.items() if value}
    return StepView(visible(step.text), shown, status, message)


def _add_step(step: StepView) -> None:
    """Hand a finished step to allure-pytest, which takes its status from an exception."""
    error: BaseException | None = None
    if step.status == "failed":
        error = Violation(step.parameters.get("expected", ""), step.message)
    elif step.status == "broken":
        error = Inconclusive(step.message)
    elif step.status == "skipped":
        error = pytest.skip.Exception("not run")
    name = str(uuid.uuid4())
    plugin_manager.hook.start_step(uuid=name, title=step.title, params=step.parameters)
    kind = None if error is None else type(error)
    plugin_manager.hook.stop_step(uuid=name, exc_type=kind, exc_val=error, exc_tb=None)


def _attachable(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        small = path.is_file() and path.stat().st_size <= LARGEST_ATTACHMENT
        if small and path.suffix in _TYPES:
            yield path


def _results_by_case(results: Path) -> dict[str, list[Path]]:
    """Results of allure-pytest by case id, in the order in which they began."""
    found: list[tuple[int, str, Path]] = []
    for path in results.glob("*-result.json"):
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            continue  # a writer was killed; the case then has its verdict from verdicts.jsonl
        for label in data.get("labels", []):
            if label.get("name") == CASE_LABEL:
                found.append((data.get("start", 0), str(label.get("value")), path))
    by_case: dict[str, list[Path]] = {}
    for _, case, path in sorted(found):
        by_case.setdefault(case, []).append(path)
    return by_case


def _align(path: Path, record: CaseRecord) -> None:
    """Give a result the status and reason of its record, and clean what the device put in."""
    data = visible_tree(json.loads(path.read_text(encoding="utf-8")))
    status = STATUS[record.verdict]
    if data.get("status") != status:
        data["status"] = status
        data["statusDetails"] = {"message": _message(record)}
    path.write_text(json.dumps(data), encoding="utf-8")


def _message(record: CaseRecord) -> str:
    return visible(f"{record.verdict}: {record.reason}" if record.reason else str(record.verdict))


def _evidence_files(results: Path, directory: Path, record: CaseRecord) -> list[dict[str, str]]:
    """Copy the evidence of a case beside the results and describe it as attachments."""
    folder = directory / record.evidence
    if not record.evidence or not folder.is_dir() or directory not in folder.resolve().parents:
        return []
    described = []
    for path in _attachable(folder):
        kind, extension = _TYPES[path.suffix]
        name = uuid.uuid5(uuid.NAMESPACE_URL, f"{record.id}/{path.name}")
        source = f"{_WRITTEN_HERE}{name}-attachment.{extension}"
        (results / source).write_bytes(path.read_bytes())
        described.append({"name": path.name, "source": source, "type": kind})
    return described


def _unrun(info: CaseInfo) -> CaseRecord:
    return CaseRecord(
        info.id,
        info.title,
        list(info.clauses),
        Verdict.INCONCLUSIVE,
        NOT_RUN,
        level=info.level,
        revision=info.revision,
        version=info.version,
    )


def _write_result(results: Path, record: CaseRecord, attachments: list[dict[str, str]]) -> None:
    """Write the result of a case for which allure-pytest wrote none."""
    start = _milliseconds(record.started)
    message = record.reason if record.reason == NOT_RUN else _message(record)
    area = record.id.partition("-")[0]
    data = {
        "uuid": str(uuid.uuid5(uuid.NAMESPACE_URL, record.id)),
        "name": _title(record),
        "fullName": record.id,
        "testCaseId": record.id,
        "historyId": record.id,
        "status": STATUS[record.verdict],
        "statusDetails": {"message": visible(message)},
        "stage": "finished",
        "start": start,
        "stop": start + round(record.duration_s * 1000),
        "labels": [
            {"name": name, "value": value}
            for name, value in [*labels(record), ("suite", area), ("framework", "pytest")]
        ],
        "description": description(record),
        "steps": [_step_json(step, start) for step in steps(record)],
        "attachments": attachments,
    }
    name = uuid.uuid5(uuid.NAMESPACE_URL, f"{record.id} {record.started}")
    write_json(results / f"{_WRITTEN_HERE}{name}-result.json", data)


def _step_json(step: StepView, start: int) -> dict[str, Any]:
    return {
        "name": step.title,
        "status": step.status,
        "statusDetails": {"message": step.message} if step.message else {},
        "stage": "finished",
        "start": start,
        "stop": start,
        "parameters": [{"name": name, "value": value} for name, value in step.parameters.items()],
    }


def _milliseconds(iso: str) -> int:
    try:
        return round(datetime.fromisoformat(iso).timestamp() * 1000)
    except ValueError:
        return 0
