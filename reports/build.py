"""All pages of a campaign folder, from what is in the folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from reports import allure, findings, html, index, traceability
from reports.campaign import (
    INCONCLUSIVE_EXIT,
    PASS_EXIT,
    Header,
    Summary,
    read_header,
    read_summary,
)


@dataclass(slots=True)
class Built:
    """What was built. `problems` tells what could not be, and why; the verdicts stand."""

    summary: Summary
    alarms: list[str] = field(default_factory=list)
    pages: list[Path] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def exit_code(self) -> int:
        """Return that of the campaign; an alarm leaves none that passed."""
        return self.summary.exit_code() or (INCONCLUSIVE_EXIT if self.alarms else PASS_EXIT)


def build(directory: str | Path, *, allure_html: bool = True) -> Built:
    """Build traceability, findings, index and (unless told not to) the Allure report of a campaign.

    A report that cannot be built is a problem to be shown, never an exception: a campaign must not
    lose its exit code for it. Raises CampaignError when the folder holds no campaign.
    """
    folder = Path(directory)
    header, summary = read_header(folder), read_summary(folder)
    built = Built(summary, list(header.alarms))
    allure.complete(folder)
    traceability.write(folder, header, summary)
    built.pages += [folder / traceability.HTML, folder / traceability.CSV]
    _findings(folder, header, built)
    if allure_html:
        try:
            built.pages.append(html.build(folder))
        except html.ReportError as error:
            built.problems.append(f"Allure report: {error}")
    index.write(folder, header, summary)
    built.pages.insert(0, folder / index.INDEX)
    return built


def _findings(folder: Path, header: Header, built: Built) -> None:
    """Build the findings report. It reads the suites, and one that is being edited may not load."""
    try:
        findings.write(folder, header, built.summary)
    except Exception as error:
        for name in (findings.HTML, findings.JSON):
            (folder / name).unlink(missing_ok=True)  # of an earlier build: no longer true
        built.problems.append(f"findings report: {type(error).__name__}: {error}")
    else:
        built.pages += [folder / findings.HTML, folder / findings.JSON]
