"""The definition data: valid, without doubles, and complete as far as other sources tell."""

import json
import tomllib
from typing import Any

import pytest

from zigbee import zcl
from zigbee.zcl import Direction, loader
from zigbee.zcl.__main__ import findings, schema_text

jsonschema = pytest.importorskip("jsonschema")

SHORTS = {
    0x0000: "basic",
    0x0001: "power_configuration",
    0x0003: "identify",
    0x0009: "alarms",
    0x000A: "time",
    0x0015: "commissioning",
    0x0019: "ota_upgrade",
    0x0700: "price",
    0x0701: "drlc",
    0x0702: "metering",
    0x0703: "messaging",
    0x0704: "tunneling",
    0x0705: "prepayment",
    0x0800: "key_establishment",
}


def test_every_cluster_of_smart_energy_is_there() -> None:
    assert {cluster.id: cluster.short for cluster in zcl.clusters()} == SHORTS
    for id_, short in SHORTS.items():
        assert zcl.cluster(id_) is zcl.cluster(short)


@pytest.mark.parametrize("which", [0x0402, "thermostat"])
def test_an_unknown_cluster_is_named(which: Any) -> None:
    with pytest.raises(KeyError, match=r"0x0402|thermostat.*price"):
        zcl.cluster(which)


def test_an_unknown_command_is_named_with_those_there_are() -> None:
    with pytest.raises(KeyError, match=r"Price has no command 'PublishPrize'.*PublishPrice"):
        zcl.cluster("price").command("PublishPrize")
    with pytest.raises(KeyError):
        zcl.cluster("price").command("PublishPrice", Direction.TO_SERVER)


@pytest.mark.parametrize("entry", loader.index().values(), ids=lambda entry: entry.name)
def test_the_data_keep_to_the_schema(entry: Any) -> None:
    jsonschema.validate(tomllib.loads(entry.read_text()), json.loads(schema_text()))


def test_the_schema_beside_the_data_is_that_of_the_models() -> None:
    shipped = loader.data().joinpath("schema.json").read_text(encoding="utf-8")
    assert shipped == schema_text(), "run: python -m zigbee.zcl schema"


def test_the_data_have_no_findings() -> None:
    assert findings() == []


GOOD = """
schema = 1
[[attributes]]
side = "server"
id = 0
name = "A"
type = "uint8"
access = "r"
mandatory = true
since = "1.0"
[cluster]
id = 0x0777
name = "Example"
short = "example"
since = "1.0"
annex = "none"
[cluster.security]
aps_link_key_required = false
key = "network key"
clause = "none"
basis = "example"
[[commands]]
id = 0
direction = "client_to_server"
name = "Do"
fields = [
  { name = "Status", type = "enum8" },
  { name = "Value", type = "uint8", present_if = "Status == SUCCESS" },
]
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('type = "uint8"\naccess', 'type = "uint9"\naccess', "uint9"),
        ("schema = 1", "schema = 2", "schema"),
        ("mandatory = true", "mandatry = true", "attributes.0.mandatry"),
        ('"client_to_server"', '"up"', "commands.0.direction"),
        ('type = "enum8"', 'type = "octets"', "octets need either length or prefix"),
        ("[cluster.security]", "[cluster.security", "Expected"),
    ],
)
def test_a_mistake_in_the_data_names_file_and_key(old: Any, new: Any, said: Any) -> None:
    assert old in GOOD
    loader.parse(GOOD, "example.toml")
    with pytest.raises(zcl.DefinitionError) as caught:
        loader.parse(GOOD.replace(old, new), "example.toml")
    assert "example.toml" in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"Status == SUCCESS"', '"Stat == SUCCESS"', "Stat"),
        ('"Status == SUCCESS"', '"Status is SUCCESS"', "no condition"),
        ('name = "Value"', 'name = "Status"', "twice"),
        ('type = "enum8" }', 'type = "enum8", enum = "colour" }', "colour"),
        ('type = "enum8" }', 'type = "enum8", trailing_optional = true }', "after an optional"),
        ('type = "enum8" }', 'type = "enum8", min = 3, max = 2 }', "min"),
        ('type = "enum8" }', 'type = "enum8", not_used = 256 }', "not_used"),
    ],
)
def test_lint_finds_what_the_schema_cannot(old: Any, new: Any, said: Any) -> None:
    assert old in GOOD
    assert findings([loader.parse(GOOD, "example.toml")]) == []
    found = findings([loader.parse(GOOD.replace(old, new), "example.toml")])
    assert any(said in finding for finding in found), found


def test_marks_of_doubt_are_kept() -> None:
    assert zcl.cluster("prepayment").command("ChangeSupply").unresolved
    assert zcl.cluster("time").security.unresolved
    assert zcl.cluster("metering").attribute("SupplyStatus").unresolved


def test_security_and_inter_pan() -> None:
    assert zcl.cluster("price").link_key_required
    assert not zcl.cluster("key_establishment").link_key_required
    allowed = {
        (cluster.id, command.name)
        for cluster in zcl.clusters()
        for command in cluster.command_list
        if command.inter_pan
    }
    assert allowed == {
        (0x0700, "GetCurrentPrice"),
        (0x0700, "GetScheduledPrices"),
        (0x0700, "PublishPrice"),
        (0x0703, "GetLastMessage"),
        (0x0703, "DisplayMessage"),
        (0x0703, "CancelMessage"),
    }
