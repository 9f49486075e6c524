"""PICS items derived from what a device shows, and the comparison with what is claimed for it."""

from dataclasses import replace
from pathlib import Path

import pytest

from lab.config import ConfigError
from lab.registers.derivation import FILE, Application, Difference, NodeFacts, Seen, compare, rules

ROUTER = NodeFacts(1, rx_on_when_idle=True, security_capability=False, network_manager=False)
DISPLAY = Application(1, 0x0109, 0x0502, frozenset({0, 3, 0x0800}), frozenset({0x0700, 0x0800}))
SEEN = Seen(ROUTER, (DISPLAY,))


def shown(seen: Seen = SEEN, revision: str = "1.1") -> dict[str, bool]:
    return rules().derive(seen, revision)


def there(seen: Seen = SEEN) -> set[str]:
    return {item for item, has in shown(seen).items() if has}


def test_descriptors_tell_role_device_type_and_clusters() -> None:
    assert there() == {
        "NR-ZR",
        "DT-IPD",
        "ZCL-BASIC",
        "ZCL-IDENT",
        "SEC-CBKER",
        "SEC-CBKEI",
        "PRI-C",
    }


@pytest.mark.parametrize(
    ("logical_type", "listens", "item"),
    [(0, True, "NR-ZC"), (1, True, "NR-ZR"), (2, True, "NR-ZED"), (2, False, "NR-SED")],
)
def test_a_node_has_one_role(logical_type: int, listens: bool, item: str) -> None:
    node = replace(ROUTER, logical_type=logical_type, rx_on_when_idle=listens)
    roles = {one for one in there(replace(SEEN, node=node)) if one.startswith("NR-")}
    assert roles == {item}


def test_endpoints_of_other_profiles_do_not_count() -> None:
    foreign = replace(DISPLAY, endpoint=2, profile=0x0104, device=0x0501)
    assert there(replace(SEEN, applications=(DISPLAY, foreign))) == there()


def test_two_endpoints_of_the_profile_are_several_devices() -> None:
    meter = replace(DISPLAY, endpoint=2, device=0x0501)
    found = there(replace(SEEN, applications=(DISPLAY, meter)))
    assert {"DT-MULTI", "DT-IPD", "DT-MTR"} <= found


@pytest.mark.parametrize(
    "private",
    [replace(DISPLAY, servers=frozenset({0xFC00})), replace(DISPLAY, endpoint=9, profile=0xC105)],
)
def test_private_clusters_and_profiles_are_told(private: Application) -> None:
    assert "DT-MFG" in there(replace(SEEN, applications=(DISPLAY, private)))
    assert "DT-MFG" not in there()


def test_attribute_sets_are_told_only_where_attributes_were_listed() -> None:
    assert "MET-TOU" not in shown()
    listed = replace(SEEN, attributes={(0x0702, "server"): frozenset({0, 0x0103, 0x0400})})
    found = shown(listed)
    assert (found["MET-TOU"], found["MET-HIST"], found["MET-BLK"]) == (True, False, False)
    assert "PRI-RAND" not in found  # it is of the other side of another cluster


def test_a_suite_is_a_bit_of_an_attribute() -> None:
    assert "SEC-SUITE1" not in shown()
    for value, has in ((1, True), (3, True), (2, False)):
        assert shown(replace(SEEN, values={(0x0800, "server", 0): value}))["SEC-SUITE1"] is has


def test_what_came_with_a_later_revision_is_not_told_at_1_0() -> None:
    assert "PPY-S" in shown()
    assert "PPY-S" not in shown(revision="1.0")


def test_differences_in_both_directions_and_in_three_states() -> None:
    claims = {"PRI-C": False, "DT-IPD": True, "MET-S": True, "DT-MTR": False}
    has = {"PRI-C": True, "DT-IPD": True, "MET-S": False, "DT-MTR": False, "ZCL-ALM": True}
    found = compare(has, claims)
    assert found == [
        Difference("PRI-C", "false", True),
        Difference("MET-S", "true", False),
        Difference("ZCL-ALM", "absent", True),
    ]
    assert [(one.claimed, one.seen) for one in found] == [
        ("PRI-C not there: the claim is false", "PRI-C is there"),
        ("MET-S there: the claim is true", "MET-S is not there"),
        ("ZCL-ALM not there, or claimed: the claim is absent", "ZCL-ALM is there"),
    ]
    assert compare({"MSG-C": False}, {}) == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("PRI-S = 0x0700", "PRI-X = 0x0700", "unknown PICS item 'PRI-X'"),
        ("PRI-S = 0x0700", "DT-ESI = 0x0700", "DT-ESI: given twice"),
        ("PRI-S = 0x0700", "PRI-S = 0x10000", "server.PRI-S"),
        ("logical_type = 0", "logical_typ = 0", "did you mean 'logical_type'?"),
        ('"TUN-S", ', '"SEC-RM", ', "later_than_1_0: no rule for SEC-RM"),
        ('side = "server", first = 0x0100', 'side = "both", first = 0x0100', "MET-TOU.side"),
    ],
)
def test_a_wrong_rule_names_file_and_key(tmp_path: Path, old: str, new: str, says: str) -> None:
    text = FILE.read_text("utf-8")
    assert old in text
    wrong = tmp_path / "discovery.toml"
    wrong.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(ConfigError) as caught:
        rules(wrong)
    assert str(wrong) in str(caught.value) and says in str(caught.value)
