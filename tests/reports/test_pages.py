"""Traceability, index, console: every clause and case is there, and foreign text is inert."""

import csv
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console

from lab.registers import registry
from lab.verdicts import CaseRecord, StepRecord, Verdict
from reports import __main__ as program
from reports import build, console, index, traceability
from reports.campaign import Campaign, CaseInfo, Header, Summary

EVIL = '"><script>alert(1)</script>\x1b[31m<img src=http://evil.example/x onerror=x>'


class Elements(HTMLParser):
    """Collects what a browser would act on."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.ids: list[str] = []
        self.hrefs: list[str] = []
        self.handlers: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name == "href" and tag == "a":
                self.hrefs.append(value or "")
            elif name in ("src", "href", "srcset", "data", "action"):
                self.loads.append(value or "")
            elif name.startswith("on"):
                self.handlers.append(name)


def a_record(case: str, verdict: str, clauses: list[str], **others: str) -> CaseRecord:
    return CaseRecord(case, f"Title of {case}", clauses, Verdict(verdict), **others)  # type: ignore[arg-type]


def a_campaign(tmp_path: Path) -> Campaign:
    campaign = Campaign.open(
        tmp_path / "run",
        bench=f"bench {EVIL}",
        dut={"model": EVIL},
        selected=[
            CaseInfo("A-01", "first", ["SE-5.4.8.1", "5.1"]),
            CaseInfo("A-02", EVIL, ["SE-5.4.8.1"]),
            CaseInfo("A-03", "third", ["C.3.1.2.3"]),
        ],
        catalogue=[CaseInfo("B-01", "other", ["SE-5.2"])],
        topology={
            "title": "One home",
            "figure": "Figure 1",
            "description": EVIL,
            "networks": {"han": EVIL},
            "actors": [dict.fromkeys(("actor", "role", "owner", "network", "played by"), EVIL)],
        },
    )
    record = a_record("A-01", "fail", ["SE-5.4.8.1", "5.1"], reason=EVIL, rerun=EVIL)
    record.steps = [StepRecord(EVIL, EVIL, EVIL, "failed", remarks=[EVIL])]
    record.remarks = [EVIL]
    campaign.record(record)
    campaign.record(a_record("A-02", "pass", ["SE-5.4.8.1"]))
    return campaign


def rows_of(campaign: Campaign) -> dict[str, traceability.Row]:
    rows = traceability.matrix(
        registry.clauses().values(), campaign.header().cases, campaign.summary()
    )
    return {row.clause.id: row for row in rows}


def test_every_registered_clause_has_a_row(tmp_path: Path) -> None:
    rows = rows_of(a_campaign(tmp_path))
    assert set(registry.clauses()) <= set(rows)
    assert [cell.case for cell in rows["SE-5.4.8.1"].cells] == ["A-01", "A-02"]
    assert rows["SE-5.4.8.1"].verdict is Verdict.FAIL
    assert rows["SE-5.1"].verdict is Verdict.FAIL  # named without its prefix
    assert rows["SE-5.4.8.2.1"].cells == [] and rows["SE-5.4.8.2.1"].verdict is None


def test_not_run_and_not_selected_are_told_apart(tmp_path: Path) -> None:
    rows = rows_of(a_campaign(tmp_path))
    assert rows["SE-C.3.1.2.3"].cells[0].verdict == "not run"
    assert rows["SE-C.3.1.2.3"].verdict is Verdict.INCONCLUSIVE
    assert rows["SE-5.2"].cells[0].verdict == "not selected"
    assert rows["SE-5.2"].verdict is None


def test_the_csv_lists_clauses_with_and_without_cases(tmp_path: Path) -> None:
    text = traceability.to_csv(rows_of(a_campaign(tmp_path)).values())
    lines = list(csv.DictReader(io.StringIO(text)))
    assert {line["clause"] for line in lines} >= set(registry.clauses())
    of = [(line["case"], line["verdict"]) for line in lines if line["clause"] == "SE-5.4.8.1"]
    assert of == [("A-01", "fail"), ("A-02", "pass")]
    bare = {line["clause"]: line["no_case_reason"] for line in lines if not line["case"]}
    assert bare["SE-5.4.8.2.1"] == "no case yet"
    assert "not a requirement" in bare["TEST-094980"]
    assert all(line["verified"] for line in lines)


def test_a_csv_cell_is_never_a_formula() -> None:
    summary = Summary([a_record("A", "fail", ["SE-5.1"], reason="=1+1")], [], [])
    text = traceability.to_csv(traceability.matrix([], [], summary))
    (line,) = csv.DictReader(io.StringIO(text))
    assert line["reason"] == "'=1+1"


def test_a_clause_outside_the_registry_is_still_shown() -> None:
    summary = Summary([a_record("A", "pass", ["SE-99.9"])], [], [])
    (row,) = traceability.matrix([], [], summary)
    assert row.clause.id == "SE-99.9" and row.clause.title == "(not in the registry)"


def test_who_was_in_the_network_is_on_the_first_page(tmp_path: Path) -> None:
    campaign = a_campaign(tmp_path)
    with_one = index.to_html(campaign.header(), campaign.summary())
    assert "Topology: One home (Figure 1)" in with_one and "Played by" in with_one
    assert "Topology" not in index.to_html(Header(), campaign.summary())


def test_pages_load_nothing_and_run_nothing_foreign(tmp_path: Path) -> None:
    campaign = a_campaign(tmp_path)
    build.build(campaign.directory, allure_html=False)
    for name, scripts in (("index.html", 1), ("traceability.html", 0), ("findings.html", 1)):
        text = (campaign.directory / name).read_text()
        page = Elements(text)
        assert page.loads == [] and page.handlers == []
        assert page.tags.count("script") == scripts and "img" not in page.tags
        assert "\x1b" not in text
        assert "default-src 'none'" in text
        assert not re.search(r"https?://(?!evil\.example)", text)


def test_links_of_the_pages_lead_somewhere(tmp_path: Path) -> None:
    campaign = a_campaign(tmp_path)
    for case in ("A-01", "A-02"):
        campaign.case_folder(case)
    build.build(campaign.directory, allure_html=False)
    pages = {
        name: Elements((campaign.directory / name).read_text())
        for name in ("index.html", "traceability.html", "findings.html")
    }
    for name, page in pages.items():
        assert page.hrefs
        for href in page.hrefs:
            path, _, anchor = href.partition("#")
            assert (campaign.directory / (path or name)).exists(), href
            if anchor:
                assert anchor in pages[path or name].ids, href


def test_the_index_names_every_case_and_what_was_damaged(tmp_path: Path) -> None:
    campaign = a_campaign(tmp_path)
    with (campaign.directory / "verdicts.jsonl").open("a") as file:
        file.write("{torn\n")
    text = index.to_html(campaign.header(), campaign.summary(), [index.ALLURE_REPORT])
    for part in ("A-01", "A-02", "A-03", "not run", "Could not be read", "line 3"):
        assert part in text
    assert 'data-verdict="fail"' in text and "allure-report/index.html" in text
    assert "allure-report" not in index.to_html(Header(), campaign.summary())


def test_the_terminal_shows_what_did_not_pass(tmp_path: Path) -> None:
    campaign = a_campaign(tmp_path)
    record = a_record("A-03", "inconclusive", [], reason="[bold]no answer[/bold] \x1b[2J")
    campaign.record(record)
    built = build.build(campaign.directory, allure_html=False)
    built.problems.append("Allure report: npm cannot be reached")
    out = Console(file=io.StringIO(), width=200)
    console.show(built, out)
    text = out.file.getvalue()  # type: ignore[attr-defined]
    assert "\x1b" not in text
    assert "[bold]no answer[/bold] \\x1b[2J" in text
    assert "A-01" in text and "A-02 " not in text
    assert "3 cases: 1 pass, 1 fail, 1 inconclusive" in text
    assert "not built: Allure report: npm cannot be reached" in text


def test_an_alarm_is_shown_everywhere_and_never_exits_as_passed(tmp_path: Path) -> None:
    campaign = Campaign.open(tmp_path / "run", selected=["A"])
    campaign.record(a_record("A", "pass", ["SE-5.1"]))
    assert build.build(campaign.directory, allure_html=False).exit_code() == 0
    campaign.update(alarms=["psu: output not shown to be off"])
    built = build.build(campaign.directory, allure_html=False)
    assert built.exit_code() == 6
    assert "psu: output not shown" in (campaign.directory / "index.html").read_text()
    out = Console(file=io.StringIO(), width=200)
    console.show(built, out)
    assert "alarm: psu: output not shown" in out.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("with_failure", [True, False])
def test_the_program_rebuilds_and_returns_the_exit_code(
    tmp_path: Path, with_failure: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    campaign = Campaign.open(tmp_path / "run", selected=["A"])
    campaign.record(a_record("A", "fail" if with_failure else "pass", ["SE-5.1"]))
    assert program.main([str(campaign.directory), "--no-allure"]) == (1 if with_failure else 0)
    assert (campaign.directory / "index.html").is_file()
    assert "1 cases" in capsys.readouterr().out


def test_the_program_names_a_folder_that_is_no_campaign(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.main([str(tmp_path)]) == 4
    assert str(tmp_path) in capsys.readouterr().err
