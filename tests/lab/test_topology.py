"""Topologies: what a bench file may say of one, and who takes whose place."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import bench as benches
from lab import dut as duts
from lab.config import ConfigError
from lab.setup import Setup
from lab.topology import place_of, residents, summary

NAMES = ("utility-private", "customer-private", "utility-and-customer", "texas-esi-in-meter")
HEAD = """
name = "b"
dut = "ipd"
[radio]
[sniffer]
[virtual]
[topology]
id = "t"
title = "T"
positions = ["ipd"]
networks = { han = "profile 0x0109" }
"""
IPD = """
[[actor]]
id = "ipd"
role = ["ipd"]
owner = "utility"
network = "han"
"""
METER = """
[[actor]]
id = "meter"
role = ["metering"]
owner = "utility"
network = "han"
simulated = "meter"
identity.eui64 = "000d6f00000a0011"
identity.install_code = "614D826C5A901FBB943566F7106DEF0018B0"
"""


@pytest.mark.parametrize(
    ("text", "key", "says"),
    [
        (HEAD, "topology.positions", "there is no actor 'ipd'; actors are (none)"),
        (HEAD + IPD + "sort = 1\n", "actor[0].sort", "unknown key"),
        (HEAD + IPD.replace('["ipd"]', '["oven"]'), "actor[0].role[0]", "not 'oven'"),
        (HEAD + IPD + IPD, "actor[1].id", "ipd is that of another actor"),
        (
            HEAD + IPD.replace("han", "lan"),
            "actor[0].network",
            "no network 'lan'; of: han",
        ),
        (HEAD + IPD + METER.replace('"meter"\nid', '"esi"\nid'), "actor[1]", "second trust center"),
        (HEAD + IPD + METER + METER, "actor[2].id", "meter is that of another"),
        (HEAD + IPD + METER + 'behind = "ipd"\n', "actor[1].behind", "is no range extender"),
        (HEAD + IPD + METER.replace("0018B0", "0018B1"), "actor[1].identity.install_code", "CRC"),
        (HEAD + IPD + METER.rpartition("identity.")[0], "actor[1]", "no identity.install_code"),
        (HEAD + IPD + 'unit = "second_radio"\n', "actor[0].unit", "no [second_radio]; add it"),
        (HEAD + IPD + METER + 'unit = "radio"\n', "actor[1]", "both unit and simulated"),
        (HEAD.partition("[topology]")[0] + IPD, "actor", "there is no [topology]"),
    ],
)
def test_faults(tmp_path: Path, text: str, key: str, says: str) -> None:
    path = tmp_path / "given.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        Setup.load(str(path), None)
    assert (caught.value.file, caught.value.key) == (str(path), key)
    assert says in str(caught.value)


def test_a_device_without_a_place_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        Setup.load("customer-private", "esi")
    assert caught.value.file.endswith("esi.toml")
    assert "'customer-private' has no place for 'Simulated ESI', which is all, esi, tc" in str(
        caught.value
    )
    assert "is one of: ems (ipd, load_control)" in str(caught.value)


@pytest.mark.parametrize(
    ("bench", "dut", "place", "others"),
    [
        ("utility-private", "ipd", "ipd", ["meter", "pct", "rex", "lcd"]),
        ("utility-private", "range_extender", "rex", ["meter", "ipd", "pct", "lcd"]),
        ("utility-private", "esi", "esi", ["meter", "ipd", "pct", "rex", "lcd"]),
        ("customer-private", "ipd", "ems", ["cust-dev"]),
        ("utility-and-customer", "gateway", "ems", ["meter", "lcd", "ipd", "esi2", "cust-dev"]),
        ("utility-and-customer", "ipd", "ipd", ["meter", "lcd", "ems", "esi2", "cust-dev"]),
        (
            "utility-and-customer",
            "load_control",
            "lcd",
            ["meter", "ipd", "ems", "esi2", "cust-dev"],
        ),
        ("texas-esi-in-meter", "esi", "smart-meter", ["ipd", "pct"]),
        ("virtual", "ipd", None, []),
    ],
)
def test_the_device_takes_the_place_of_one(
    bench: str, dut: str, place: str | None, others: list[str]
) -> None:
    setup = Setup.load(bench, dut)
    taken = place_of(setup.bench, setup.dut)
    assert (taken.id if taken else None) == place
    assert [one.id for one in residents(setup.bench, setup.dut)] == others


@pytest.mark.parametrize("name", NAMES)
def test_no_actor_shares_an_address_with_a_device(name: str) -> None:
    known = {duts.load(path).identity.eui64 for path in duts.FOLDER.glob("*.toml")}
    bench = Setup.load(name, None).bench
    assert not {one.identity.eui64 for one in bench.actor if one.identity.eui64} & known


def test_every_bench_of_the_folder_loads() -> None:
    for path in benches.FOLDER.glob("*.toml"):
        Setup.load(str(path), None)


def test_areas() -> None:
    topology = Setup.load("customer-private", None).bench.topology
    assert topology is not None
    assert topology.reason_outside("JOIN-04") is None
    assert topology.reason_outside("FC-01[esi]") == (
        "topology: customer-private is not for area FC (topology.areas of the bench file)"
    )


def test_what_a_report_is_told() -> None:
    setup = Setup.load("texas-esi-in-meter", "esi")
    told = summary(setup.bench, setup.dut)
    players = {row["actor"]: row["played by"] for row in told["actors"]}
    assert players["smart-meter"].startswith("the device under test")
    assert players["(of the lab)"] == "the golden unit"
    assert players["ipd"] == "simulated display, EUI-64 000d6f00000a0041"
    assert players["rep"].startswith("nobody: a script, not on the air")
    assert summary(Setup.load("virtual", None).bench, setup.dut) == {}
