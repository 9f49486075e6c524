"""The result of a campaign on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lab.verdicts import CaseRecord, Verdict
from reports.build import Built
from reports.index import headline
from reports.text import visible

_STYLES = {
    Verdict.PASS: "green",
    Verdict.FAIL: "bold red",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.NOT_APPLICABLE: "dim",
}


def show(built: Built, console: Console | None = None) -> None:
    """Print every case that did not pass, the counts, the pages and what could not be built."""
    out = console or Console(stderr=False)
    telling = (Verdict.FAIL, Verdict.INCONCLUSIVE)
    rows = [record for record in built.summary.records if record.verdict in telling]
    if rows or built.summary.not_run:
        out.print(_table(rows, built.summary.not_run))
    for alarm in built.alarms:
        out.print(f"[bold red]alarm:[/] {_text(alarm)}", soft_wrap=True)
    for line in built.summary.damaged:
        out.print(f"[yellow]could not be read:[/] {_text(line)}")
    out.print(_text(headline(built.summary)), highlight=False)
    for page in built.pages:
        out.print(_text(str(page)), highlight=False, soft_wrap=True)
    for problem in built.problems:
        out.print(f"[yellow]not built:[/] {_text(problem)}", soft_wrap=True)


def _table(rows: list[CaseRecord], not_run: list[str]) -> Table:
    table = Table("case", "verdict", "clauses", "reason", box=None, header_style="bold")
    for record in rows:
        word = f"[{_STYLES[record.verdict]}]{record.verdict}[/]"
        clauses = _text(", ".join(record.clauses))
        reason = _text(record.reason)
        if record.rerun:
            reason += f"\n[dim]{_text(record.rerun)}[/]"
        table.add_row(_text(record.id), word, clauses, reason)
    for case in not_run:
        table.add_row(_text(case), "[yellow]not run[/]", "", "")
    return table


def _text(text: str) -> str:
    """Foreign text for rich: neither control characters nor markup act."""
    return escape(visible(text))
