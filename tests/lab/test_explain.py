"""Why a case was selected or not: the three states of a PICS item, and a DUT file without any."""

from __future__ import annotations

from typing import Any

import pytest

from lab.cases import CaseMeta
from lab.dut import DutFile
from lab.explain import explain, open_items, runs_named
from lab.runner import Run

CAPABILITIES = ("radio", "sniffer")


def run(pics: str = "PRI-C", **meta: Any) -> Run:
    """A case that asks for these items."""
    return Run("X-01", "It does.", CaseMeta("X-01", ("C.2",), pics=pics, **meta), run)


def dut(claims: dict[str, bool] | None) -> DutFile:
    """A device of which this is claimed."""
    return DutFile(name="d", pics=claims)


@pytest.mark.parametrize(
    ("claims", "line", "end"),
    [
        ({"PRI-C": True}, "yes  asks for PRI-C; there is PRI-C is true", "=> selected"),
        (
            {"PRI-C": False},
            "NO   asks for PRI-C; there is PRI-C is false",
            "=> not applicable: PICS: PRI-C is false",
        ),
        (
            {},
            "NO   asks for PRI-C; there is PRI-C is absent",
            "=> not applicable: PICS: PRI-C is absent",
        ),
        (None, "NO   asks for PRI-C; there is no [pics] table", "=> refused: DUT file 'd' has no"),
    ],
)
def test_why_tells_the_states_of_a_claim_apart(
    claims: dict[str, bool] | None, line: str, end: str
) -> None:
    lines = list(explain(run(), dut(claims), CAPABILITIES, "1.1"))
    assert lines[0] == "X-01: It does."
    assert f"  PICS:      {line}" in lines
    assert lines[-1].strip().startswith(end)


def test_why_names_an_absent_item_only_where_it_decides() -> None:
    def told(claims: dict[str, bool]) -> list[str]:
        lines = explain(run("PRI-C or MSG-C"), dut(claims), CAPABILITIES, "1.1")
        return [line.strip() for line in lines if "does not say" in line]

    assert told({"PRI-C": True}) == []
    assert told({"PRI-C": False}) == [
        "the DUT file does not say whether MSG-C, and it decides",
    ]


@pytest.mark.parametrize(
    ("meta", "revision", "said"),
    [
        ({"revision": "1.0"}, "1.1", "=> not applicable: revision: the case is for 1.0"),
        ({"dut": ("esi",)}, "1.1", "=> not applicable: role: the case is for esi"),
        ({"needs": ("supply",)}, "1.1", "=> not applicable: needs: the bench has no supply"),
    ],
)
def test_why_names_the_condition_that_does_not_hold(
    meta: dict[str, Any], revision: str, said: str
) -> None:
    lines = list(explain(run(**meta), dut({"PRI-C": True}), CAPABILITIES, revision))
    assert lines[-1].strip().startswith(said)
    assert sum(" NO " in line for line in lines) == 1


def test_what_the_pics_leaves_open_is_named_with_the_cases_that_it_costs() -> None:
    runs = [run(), run("MSG-C and PRI-C"), run("OTA-C", dut=("esi",)), run("OTA-C", revision="1.0")]
    assert open_items(runs, dut({"PRI-C": True}), "1.1") == {"MSG-C": ["X-01"]}
    assert open_items(runs, dut({"PRI-C": False, "MSG-C": False}), "1.1") == {}


def test_an_unknown_case_has_its_neighbours_named() -> None:
    assert runs_named("X-01", [run()])[0].id == "X-01"
    with pytest.raises(LookupError, match="nearest: X-01"):
        runs_named("X-02", [run()])
