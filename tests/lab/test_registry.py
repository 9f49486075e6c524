"""The registry of clauses, PICS items and findings."""

import pytest

from lab.registers import registry
from lab.registers.registry import Clause, PicsItem, RegistryError, UnknownId, parse_entries

GOOD = """
[[clause]]
id = "SE-1"
document = "d"
section = "1"
title = "t"
summary = "s"
applies_to = ["all"]
revision = "both"
status = "normative"
findings = []
verified = "analysis"
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SE-5.4.8.1", "SE-5.4.8.1"),
        ("5.4.8.1", "SE-5.4.8.1"),
        (" 5.4.8.1 ", "SE-5.4.8.1"),
        ("C.3.1.2.3.3", "SE-C.3.1.2.3.3"),
        ("ZB-4.4.3", "ZB-4.4.3"),
        ("LAB-PWR", "LAB-PWR"),
        ("M15.4", "M15.4"),
    ],
)
def test_resolve(text: str, expected: str) -> None:
    clause = registry.resolve(text)
    assert clause.id == expected
    assert clause.status != "heading"


def test_a_section_above_registered_ones_is_a_heading() -> None:
    heading = registry.resolve("C.3.1.2.3")
    assert heading.id == "SE-C.3.1.2.3"
    assert heading.status == "heading"
    assert heading.mark == "derived"
    assert heading.id not in registry.clauses()


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("5.4.8.9", "SE-5.4.8.1"),
        ("4.4.3", "ZB-4.4.3"),
        ("SE-5.4.88", "SE-5.4.8"),
        ("LAB-PWER", "LAB-PWR"),
    ],
)
def test_an_unknown_clause_names_the_nearest(text: str, near: str) -> None:
    with pytest.raises(UnknownId) as caught:
        registry.resolve(text)
    assert near in caught.value.nearest
    assert text in str(caught.value) and near in str(caught.value)


def test_an_unknown_clause_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="unknown clause ''"):
        registry.resolve("")


def test_subclauses_go_by_whole_components() -> None:
    ids = [clause.id for clause in registry.subclauses("5.1")]
    assert ids == ["SE-5.1"]  # and neither 5.10, 5.11 nor 5.12
    assert {"SE-5.10", "SE-5.11", "SE-5.12"} <= set(registry.clauses())
    ids = [clause.id for clause in registry.subclauses("5.4.8.1")]
    assert ids[0] == "SE-5.4.8.1"
    assert "SE-5.4.8.1.1.1" in ids and "SE-5.4.8.2.1" not in ids


def test_subclauses_of_a_heading_are_what_stands_below() -> None:
    ids = [clause.id for clause in registry.subclauses("C.3")]
    assert "SE-C.3.1.2.3.3" in ids and "SE-C.3" not in ids and "SE-C.4.2" not in ids


def test_ancestors() -> None:
    assert registry.ancestors("5.4.8.1") == ["SE-5.4.8", "SE-5.4", "SE-5"]


def test_every_entry_keeps_its_mark() -> None:
    for clause in registry.clauses().values():
        assert clause.mark in registry.MARKS and clause.mark != "derived"
    assert registry.resolve("5.4.8.1").verified == "analysis"
    assert registry.resolve("5.1").verified == "unverified"
    items = registry.pics_items()
    assert items["DT-ESI"].established and not items["DT-MULTI"].established


def test_every_reference_leads_somewhere() -> None:
    for item in registry.pics_items().values():
        registry.resolve(item.clause)
    for finding in registry.findings().values():
        for clause in finding.clauses:
            registry.resolve(clause)


def test_pics_items() -> None:
    assert registry.pics_item("SEC-CBKEI").id == "SEC-CBKEI"
    with pytest.raises(UnknownId, match=r"unknown PICS item 'SEC-CBKEX'.*SEC-CBKEI"):
        registry.pics_item("SEC-CBKEX")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'revision = "both"',
            'revision = "2.0"',
            r"x\.toml: \[\[clause\]\] number 1 \(SE-1\): revision",
        ),
        (
            'verified = "analysis"',
            'verified = "sure"',
            "verified.*does not begin with one of analysis",
        ),
        ('title = "t"', 'titel = "t"', "title: Field required; titel: Extra"),
        ("findings = []", "findings = 3", "findings: Input should be a valid list"),
        ('id = "SE-1"', "", "without id"),
        ("[[clause]]", "[[claus]]", r"x\.toml: no \[\[clause\]\] entries"),
        ("[[clause]]", "[[clause]", r"x\.toml: .*line 2"),
    ],
)
def test_a_bad_file_names_file_entry_and_key(old: str, new: str, message: str) -> None:
    assert parse_entries(GOOD, "clause", Clause, "x.toml")
    with pytest.raises(RegistryError, match=message):
        parse_entries(GOOD.replace(old, new), "clause", Clause, "x.toml")


def test_an_id_given_twice_is_refused() -> None:
    with pytest.raises(RegistryError, match=r"number 2.*id given twice"):
        parse_entries(GOOD + GOOD, "clause", Clause, "x.toml")


def test_a_pics_status_outside_the_notation_is_refused() -> None:
    text = """
    [[pics]]
    id = "A"
    group = "g"
    text = "t"
    role = ["all"]
    status = "Q"
    clause = "5.1"
    id_is_published = false
    """
    with pytest.raises(RegistryError, match="status"):
        parse_entries(text, "pics", PicsItem, "p.toml")
