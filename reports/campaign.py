"""The folder of a campaign: what was selected, one line a verdict, and a folder of evidence a case.

Layout (paths relative to the campaign folder):

    selected.json       ids of the selected cases, written before the first of them runs
    campaign.json       bench, device, versions and the cases with their titles and clauses
    verdicts.jsonl      one JSON object a case, written and synced to disk as the case ends
    evidence/<case id>/ captures, journals, steps and verdict of the case

A run that is killed so loses only the case in flight, and names those that never ran.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from lab.verdicts import CaseRecord, Verdict, combine

SELECTED = "selected.json"
CAMPAIGN = "campaign.json"
VERDICTS = "verdicts.jsonl"
EVIDENCE = "evidence"
ALLURE_RESULTS = "allure-results"

PASS_EXIT = 0
FAIL_EXIT = 1
INCONCLUSIVE_EXIT = 6
"""Nothing failed, but something is undecided; apart from pytest's own exit codes 0 to 5."""


class CampaignError(Exception):
    """A campaign folder cannot be made or read; the text names the path and what to do."""


@dataclass(slots=True)
class CaseInfo:
    """What is known of a case before it runs."""

    id: str
    title: str = ""
    clauses: list[str] = field(default_factory=list)
    level: str = "shall"
    revision: str = ""
    version: int = 1
    selected: bool = True

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CaseInfo:
        """Read what `dataclasses.asdict` made of a CaseInfo; unknown keys are left out."""
        return cls(**{key: data[key] for key in (item.name for item in fields(cls)) if key in data})


@dataclass(slots=True)
class Header:
    """What holds for a whole campaign; campaign.json.

    `dut` is the identity read from the device; `versions` names programs and their versions;
    `topology` what network stood round the device (lab.topology.summary), empty without one.
    """

    bench: str = ""
    dut: dict[str, Any] = field(default_factory=dict)
    started: str = ""
    ended: str = ""
    command: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    topology: dict[str, Any] = field(default_factory=dict)
    alarms: list[str] = field(default_factory=list)
    """What is or may be dangerous on the bench: a supply that could not be shown to be off."""
    cases: list[CaseInfo] = field(default_factory=list)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Header:
        """Read campaign.json; unknown keys are left out."""
        values = {key: data[key] for key in (item.name for item in fields(cls)) if key in data}
        values["cases"] = [CaseInfo.from_json(case) for case in values.get("cases", [])]
        return cls(**values)


@dataclass(slots=True)
class Summary:
    """What a campaign came to."""

    records: list[CaseRecord]
    not_run: list[str]
    """Ids of selected cases that have no verdict."""
    damaged: list[str]
    """What could not be read of verdicts.jsonl, with its place."""

    @property
    def by_case(self) -> dict[str, Verdict]:
        """The verdict of each case; several records of one case combine, so that none hides."""
        found: dict[str, list[Verdict]] = {}
        for record in self.records:
            found.setdefault(record.id, []).append(record.verdict)
        return {case: combine(verdicts) for case, verdicts in found.items()}

    @property
    def counts(self) -> dict[Verdict, int]:
        """Number of cases for each verdict."""
        verdicts = list(self.by_case.values())
        return {verdict: verdicts.count(verdict) for verdict in Verdict}

    def exit_code(self) -> int:
        """Return PASS_EXIT, FAIL_EXIT or INCONCLUSIVE_EXIT.

        A selected case without a verdict is undecided, and so is a campaign that decided nothing.
        """
        counts = self.counts
        if counts[Verdict.FAIL]:
            return FAIL_EXIT
        if counts[Verdict.INCONCLUSIVE] or self.not_run or self.damaged or not self.records:
            return INCONCLUSIVE_EXIT
        return PASS_EXIT


class Campaign:
    """One run of a selection of cases on a device, and the folder that holds it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @classmethod
    def open(
        cls,
        directory: str | Path,
        *,
        bench: str = "",
        dut: Mapping[str, Any] | None = None,
        selected: Sequence[CaseInfo | str],
        versions: Mapping[str, str] | None = None,
        command: str = "",
        started: str = "",
        catalogue: Sequence[CaseInfo] = (),
        topology: Mapping[str, Any] | None = None,
    ) -> Campaign:
        """Make the folder and write what was selected, before any case runs.

        A campaign that is already there is kept: its folder is moved to `<directory>.1`, `.2` and
        so on. `catalogue` may name cases that exist and were not selected. Raises CampaignError.
        """
        folder = Path(directory)
        infos = [CaseInfo(one) if isinstance(one, str) else one for one in selected]
        _check_names(info.id for info in infos)
        _set_aside(folder)
        campaign = cls(folder)
        for name in (EVIDENCE, ALLURE_RESULTS):
            (folder / name).mkdir(parents=True, exist_ok=True)
        write_json(folder / SELECTED, [info.id for info in infos])
        chosen = {info.id for info in infos}
        others = [info for info in catalogue if info.id not in chosen]
        for info in infos:
            info.selected = True
        for info in others:
            info.selected = False
        header = Header(
            bench=bench,
            dut=dict(dut or {}),
            started=started,
            command=command,
            versions=dict(versions or {}),
            topology=dict(topology or {}),
            cases=[*infos, *others],
        )
        write_json(folder / CAMPAIGN, asdict(header))
        (folder / VERDICTS).touch()
        _point_latest(folder)
        return campaign

    @classmethod
    def join(cls, directory: str | Path) -> Campaign:
        """Return the campaign that another process opened in `directory`. Raises CampaignError."""
        folder = Path(directory)
        if not (folder / SELECTED).is_file():
            raise CampaignError(f"{folder}: holds no campaign ({SELECTED} is missing)")
        return cls(folder)

    @property
    def allure_results(self) -> Path:
        """The folder for allure-pytest (`--alluredir`)."""
        return self.directory / ALLURE_RESULTS

    def update(self, **changes: Any) -> None:
        """Change fields of campaign.json that are known only later: `dut`, `versions`, `alarms`."""
        header = self.header()
        for name, value in changes.items():
            if name not in {item.name for item in fields(header)}:
                raise TypeError(f"campaign.json has no field {name!r}")
            setattr(header, name, value)
        write_json(self.directory / CAMPAIGN, asdict(header))

    def header(self) -> Header:
        """Return campaign.json. Raises CampaignError when it cannot be read."""
        return read_header(self.directory)

    def case_folder(self, case_id: str, attempt: int = 1) -> Path:
        """Return the folder for the evidence of a case, made when missing.

        The folder holds the latest attempt; when attempt n begins, what attempt n-1 left is moved
        into `attempt-<n-1>` inside it.
        """
        folder = self.directory / EVIDENCE / safe_name(case_id)
        folder.mkdir(parents=True, exist_ok=True)
        if attempt > 1 and not (earlier := folder / f"attempt-{attempt - 1}").exists():
            left = [path for path in folder.iterdir() if not path.name.startswith("attempt-")]
            earlier.mkdir()
            for path in left:
                path.rename(earlier / path.name)
        return folder

    def record(self, record: CaseRecord) -> None:
        """Append a verdict and wait until it is on the disk. Several processes may do so."""
        if not record.evidence:
            record.evidence = f"{EVIDENCE}/{safe_name(record.id)}"
        line = record.to_line().encode("ascii") + b"\n"
        descriptor = os.open(self.directory / VERDICTS, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                line = b"\n" + line  # a writer was killed in the middle of its line
            while line:
                line = line[os.write(descriptor, line) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def finish(self, ended: str = "") -> Summary:
        """Note the end of the campaign and return what it came to. `ended` is UTC in ISO 8601."""
        if ended:
            self.update(ended=ended)
        return self.summary()

    def summary(self) -> Summary:
        """Return what the campaign has come to so far, from what is on the disk."""
        return read_summary(self.directory)


def read_header(directory: Path) -> Header:
    """Return campaign.json of a campaign folder. Raises CampaignError."""
    return Header.from_json(_read_json(directory / CAMPAIGN, dict))


def read_summary(directory: Path) -> Summary:
    """Read selected.json and verdicts.jsonl of a campaign folder. Raises CampaignError.

    Lines that cannot be read (a run killed in the middle of a line) are reported, not guessed at.
    """
    path = directory / VERDICTS
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise CampaignError(f"{path}: {error.strerror}; is this a campaign folder?") from error
    records: list[CaseRecord] = []
    damaged: list[str] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            records.append(CaseRecord.from_json(json.loads(line)))
        except (ValueError, TypeError, AttributeError) as error:
            damaged.append(f"{VERDICTS} line {number}: {error}")
    selected = [str(one) for one in _read_json(directory / SELECTED, list)]
    seen = {record.id for record in records}
    return Summary(records, [case for case in selected if case not in seen], damaged)


def safe_name(case_id: str) -> str:
    """Return a file name for a case id: "TP/SEC/BV-24-I" gives "TP-SEC-BV-24-I"."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", case_id).strip("-.") or "case"
    if len(name) > 100:
        name = f"{name[:90]}-{hashlib.sha256(case_id.encode()).hexdigest()[:8]}"
    return name


def write_json(path: Path, value: Any) -> None:
    """Write JSON so that the file is at all times the old or the new one, never half of it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with beside.open("w", encoding="utf-8") as file:
        json.dump(value, file, indent=1, ensure_ascii=True)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _read_json(path: Path, kind: type) -> Any:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CampaignError(f"{path}: {error.strerror}; is this a campaign folder?") from error
    except ValueError as error:
        raise CampaignError(f"{path}: not JSON: {error}") from error
    if not isinstance(value, kind):
        raise CampaignError(f"{path}: a JSON {kind.__name__} was expected")
    return value


def _check_names(ids: Iterable[str]) -> None:
    """Two cases must never share a folder of evidence."""
    seen: dict[str, str] = {}
    for case in ids:
        other = seen.setdefault(safe_name(case), case)
        if other != case:
            raise CampaignError(f"cases {other!r} and {case!r} would share one folder of evidence")


def _set_aside(folder: Path) -> None:
    if not (folder / VERDICTS).exists():
        return
    number = 1
    while (aside := folder.with_name(f"{folder.name}.{number}")).exists():
        number += 1
    try:
        folder.rename(aside)
    except OSError as error:
        raise CampaignError(
            f"{folder}: holds a campaign that cannot be moved to {aside} ({error.strerror}); "
            "name another folder"
        ) from error


def _point_latest(folder: Path) -> None:
    """Let `latest` beside the folder lead to it; a real folder of that name is left alone."""
    link = folder.absolute().with_name("latest")
    if folder.name == link.name or (link.exists() and not link.is_symlink()):
        return
    beside = link.with_name(f".latest.{os.getpid()}")
    beside.unlink(missing_ok=True)
    beside.symlink_to(folder.name, target_is_directory=True)
    beside.replace(link)
