"""The Allure report: one file that calls nobody."""

import base64
import json
import os
import re
from pathlib import Path

import pytest

from lab.verdicts import CaseRecord, StepRecord, Verdict
from reports import allure, html
from reports.campaign import Campaign, CaseInfo

TAG = '<script async src="https://www.googletagmanager.com/gtag/js?id=G-1"></script>'
INLINE = "<script>\nwindow.dataLayer = []; function gtag(){dataLayer.push(arguments)}\n</script>"


def test_the_analytics_tag_is_taken_out() -> None:
    page = f"<head><title>x</title>{TAG}{INLINE}</head><script>own()</script>"
    assert html.without_analytics(page) == "<head><title>x</title></head><script>own()</script>"


@pytest.mark.parametrize(
    "element",
    [
        TAG,
        "<script src='//cdn.example/x.js'></script>",
        '<link rel="stylesheet" href="https://fonts.example/x.css">',
        "<img alt=x src=http://evil.example/p.png>",
        '<iframe src="https://evil.example"></iframe>',
    ],
)
def test_what_loads_from_elsewhere_is_found(element: str) -> None:
    assert html.remote_references(f"<p>{element}</p>")


def test_text_and_data_are_not_taken_for_loads() -> None:
    page = (
        '<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns=\'http://www.w3.org/2000/svg\'%3E">'
        '<script src="data:text/javascript;base64,AAAA"></script>'
        '<a href="https://example.org">a link that a reader may follow</a>'
    )
    assert html.remote_references(page) == []
    assert html.without_analytics(page) == page


def test_the_policy_stands_first_in_the_head() -> None:
    text = html.with_policy("<html><head><title>x</title></head></html>")
    assert re.search(
        r"<head><meta http-equiv=\"Content-Security-Policy\" content=\"[^\"]+\">", text
    )
    assert "http:" not in text.partition("<title>")[0]


def test_no_results_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(html.ReportError, match="no Allure results"):
        html.build(tmp_path)


def test_an_unreachable_registry_is_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        html.find_node()
    except html.ReportError:
        pytest.skip("no Node here")
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    with pytest.raises(html.ReportError, match=r"npm registry.*python -m reports DIR"):
        html.install(tmp_path / "cache")


def test_attachments_beyond_the_budget_give_way_to_those_that_tell(tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    for case, status in (("a", "passed"), ("b", "failed")):
        names = {f"{case}-{size}-attachment.log": size for size in (10, 100)}
        for name, size in names.items():
            (results / name).write_bytes(b"x" * size)
        attachments = [{"source": name} for name in names]
        result = {"status": status, "attachments": attachments}
        (results / f"{case}-result.json").write_text(json.dumps(result))
    target = html.within_budget(results, tmp_path / "target", budget=120)
    kept = {path.name for path in target.iterdir() if path.read_bytes()[:1] == b"x"}
    assert kept == {"b-10-attachment.log", "b-100-attachment.log", "a-10-attachment.log"}
    assert "evidence folder" in (target / "a-100-attachment.log").read_text()
    assert (target / "a-result.json").read_text() == (results / "a-result.json").read_text()
    assert (results / "a-100-attachment.log").read_bytes() == b"x" * 100


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """The folder that holds Allure; a machine without Node or registry skips, unless it is CI."""
    try:
        html.install()
    except html.ReportError as error:
        if os.environ.get("CI"):
            pytest.fail(f"the Allure report must be buildable in CI: {error}")
        pytest.skip(str(error))
    return html.CACHE


def test_a_real_report_is_one_file_that_calls_nobody(tmp_path: Path, cache: Path) -> None:
    campaign = Campaign.open(
        tmp_path / "run", bench="bench-7", selected=[CaseInfo("A-01", "first", ["SE-5.1"])]
    )
    record = CaseRecord("A-01", "first", ["SE-5.1"], Verdict.FAIL, "told-reason")
    record.steps = [StepRecord("told-step", "told-expected", "told-observed", "failed")]
    campaign.record(record)
    allure.complete(campaign.directory)
    page = html.build(campaign.directory, cache=cache)
    assert page == campaign.directory / "allure-report/index.html"
    text = page.read_text()
    assert html.remote_references(text) == []
    assert "googletagmanager" not in text and "Content-Security-Policy" in text
    inside = b"".join(
        base64.b64decode(found) for found in re.findall(r'd\("[^"]+","([A-Za-z0-9+/=]*)"', text)
    )
    for part in (b"told-reason", b"told-step", b"told-expected", b"bench-7", b"SE-5.1"):
        assert part in inside
    assert b"Device: against a clause" in inside


def test_building_again_replaces_the_report(tmp_path: Path, cache: Path) -> None:
    campaign = Campaign.open(tmp_path / "run", selected=["A-01"])
    allure.complete(campaign.directory)
    (campaign.directory / "allure-report").mkdir()
    (campaign.directory / "allure-report/index.html").write_text("old")
    assert html.build(campaign.directory, cache=cache).read_text() != "old"
    left = [path.name for path in campaign.directory.iterdir() if path.name.startswith("allure")]
    assert sorted(left) == ["allure-report", "allure-results"]
