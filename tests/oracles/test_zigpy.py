"""The same octets as zigpy's types: ZCL data types, general and cluster commands, ZDP, attributes.

zigpy reads what we build and must find the values that were drawn, leave nothing over, and write
the same octets again. zigpy is GPL and so a test program only. What it has otherwise is listed in
`LIMITS`, with what stands in for it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests import command_strategies as draw
from tests.frame_probes import drawn
from zigbee import zcl, zdp
from zigbee.types import Eui64
from zigbee.zcl import general as g
from zigbee.zcl import types

try:
    import zigpy.types as t
    from zigpy.zcl import Cluster, clusters, foundation
    from zigpy.zdo import types as zdo
except ImportError:
    if os.environ.get("CI"):
        raise
    pytest.skip("zigpy is not installed", allow_module_level=True)

assert clusters, "importing the clusters registers them"

EXAMPLES = 25
GENERAL: dict[int, Any] = {int(id_): entry for id_, entry in foundation.GENERAL_COMMANDS.items()}

LIMITS = {
    "SE clusters but Metering": ("zigpy defines no commands for them", "tshark"),
    "End_Device_Bind_req": (
        "zigpy has one octet for the profile id",
        "octets by hand in test_zdp.py",
    ),
    "ImageNotify": ("zigpy has no layout for payload types that are not defined", "tshark"),
    "ImageBlockResponse": (
        "zigpy wants MinimumBlockPeriod, which only later revisions have",
        "tshark",
    ),
    "Mgmt_NWK_Update_req": ("zigpy has no layout for reserved scan durations", "tshark"),
    "Bind_req, Unbind_req, Mgmt_Bind_rsp": (
        "zigpy refuses address modes that are not defined",
        "tshark",
    ),
    "failures": ("zigpy reads no descriptor after a status that is no success", "tshark"),
    "InletTemperature, OutletTemperature, ControlTemperature": (
        "int24 from 1.2 on, int16 in the sources of 1.1",
        "the definition's later_type is compared",
    ),
    "Metering, some attributes": ("zigpy lacks some sets", "tshark"),
    "invalid values of uint64, int64, enum16": (
        "zigpy has those of shorter types",
        "octets by hand in test_types.py",
    ),
    "invalid strings": ("zigpy knows them for string alone", "octets by hand in test_types.py"),
    "floats that are subnormal or almost": (
        "zigpy reads and writes others",
        "Python's struct module",
    ),
    "text that is not ASCII": (
        "zigpy reads it, but writes the number of characters for the length",
        "tshark",
    ),
    "reportable change": (
        "zigpy's list of configurations fails for types that have none",
        "its records are read one by one",
    ),
}
"""What zigpy has otherwise: the reason, and what stands in for it."""


def data_type(id_: int) -> Any:
    """zigpy's entry for a data type."""
    known = {int(entry.type_id): entry for entry in foundation.DataType}
    return known[id_]


def primitive(value: Any) -> Any:
    """zigpy's value, and ours, as numbers, octets, texts and lists."""
    if value is None or isinstance(value, float | str):
        return value
    if isinstance(value, t.NoData):
        return None
    if isinstance(value, zdo.NodeDescriptor):
        return node_values(value)
    if isinstance(value, zdo.PowerDescriptor):
        return bytes(value.serialize())
    if isinstance(value, zdo.Neighbor):
        return neighbor_values(value)
    if isinstance(value, zdo.Route):
        return [int(value.DstNWK), value.serialize()[2], int(value.NextHop)]
    if isinstance(value, foundation.ReadAttributeRecord):
        return [int(value.attrid), int(value.status), primitive(value.value)]
    if isinstance(value, t.EUI64):
        return int.from_bytes(value.serialize(), "little")
    if isinstance(value, t.KeyData | t.FixedList):
        return bytes(value.serialize())
    if isinstance(value, t.TimeOfDay | t.Date):
        return list(value.serialize())
    if isinstance(value, foundation.TypedCollection):
        return [int(value.type), [primitive(item) for item in value.value]]
    if isinstance(value, foundation.TypeValue):
        return [int(value.type), primitive(value.value)]
    if isinstance(value, int):
        return int(value)
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    if isinstance(value, t.Struct):
        named = [getattr(value, entry.name) for entry in value.fields]
        return [primitive(item) for item in named if item is not None]
    if isinstance(value, types.Array):
        return [value.type, [primitive(item) for item in value.items or []]]
    if isinstance(value, types.Structure):
        return [[type_, primitive(item)] for type_, item in value.elements or []]
    if isinstance(value, dict):
        return [primitive(item) for item in value.values()]
    return [primitive(item) for item in value]


def node_values(node: Any) -> list[int]:
    """The octets of flags as they are, the rest by name."""
    flags = node.serialize()[:2]
    rest = (
        node.mac_capability_flags,
        node.manufacturer_code,
        node.maximum_buffer_size,
        node.maximum_incoming_transfer_size,
        node.server_mask,
        node.maximum_outgoing_transfer_size,
        node.descriptor_capability_field,
    )
    return [*flags, *(int(value) for value in rest)]


def neighbor_values(neighbor: Any) -> list[int]:
    """The bits that zigpy splits, put together again."""
    type_ = neighbor.device_type | neighbor.rx_on_when_idle << 2 | neighbor.relationship << 4
    addresses = (neighbor.extended_pan_id, neighbor.ieee)
    return [
        *(int.from_bytes(address.serialize(), "little") for address in addresses),
        int(neighbor.nwk),
        int(type_ | neighbor.reserved1 << 7),
        int(neighbor.permit_joining | neighbor.reserved2 << 2),
        int(neighbor.depth),
        int(neighbor.lqi),
    ]


def is_subnormal(value: Any, entry: types.DataType | None = None) -> bool:
    """Whether a float of the type (or of any) is too small for zigpy; see `LIMITS`."""
    if not isinstance(value, float):
        return False
    smallest = {2: 2.0**-14, 4: 2.0**-126, 8: 2.0**-1022}[2 if entry is None else entry.size or 2]
    return 0 < abs(value) < 4 * smallest


def writable(values: list[Any]) -> bool:
    """Whether zigpy writes such values as it reads them; see `LIMITS`."""
    return all(value.isascii() for value in values if isinstance(value, str))


def flat(value: Any) -> list[Any]:
    """The values in the order of the wire, without the nesting, which differs."""
    if isinstance(value, list):
        return [inner for item in value for inner in flat(item)]
    return [value]


# Data types ------------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", types.all_types(), ids=lambda entry: entry.name)
def test_identifiers_and_kinds_of_types(entry: types.DataType) -> None:
    theirs = data_type(entry.id)
    assert theirs.type_id.name.replace("map", "bitmap").rstrip("_") == entry.name
    assert (theirs.type_class.name == "Analog") == entry.analog
    wrong = entry.name in ("uint64", "int64", "enum16")
    if entry.invalid is not None and theirs.non_value is not None and not wrong:
        octets = theirs.python_type(theirs.non_value).serialize()
        assert octets == types.encode(entry.id, entry.invalid)


@pytest.mark.parametrize("entry", draw.plain_types, ids=lambda entry: entry.name)
def test_values_of_types(entry: types.DataType) -> None:
    theirs = data_type(entry.id).python_type
    for value in drawn(draw.scalars(entry), EXAMPLES):
        octets = types.encode(entry.id, value)
        found, rest = theirs.deserialize(octets)
        assert rest == b""
        if is_subnormal(value, entry):
            continue
        expected, other = primitive(value), primitive(found)
        if isinstance(other, bytes) and isinstance(expected, int):
            expected = expected.to_bytes(entry.size or 0, "little")
        assert other == expected
        if entry.form == "none":
            assert octets == b""
        elif writable([value]):
            assert found.serialize() == octets


def test_an_invalid_string_is_invalid_to_both() -> None:
    octets = types.encode("string", None)
    found, rest = data_type(0x42).python_type.deserialize(octets)
    assert rest == b""
    assert found.invalid
    assert found.serialize() == octets


@pytest.mark.parametrize("name", ["array", "set", "bag"])
@pytest.mark.parametrize("of", [e for e in draw.plain_types if e.size != 0], ids=lambda e: e.name)
def test_lists_of_types(name: str, of: types.DataType) -> None:
    theirs = data_type(types.BY_NAME[name].id).python_type
    drawn_items = drawn(draw.scalars(of), 8)
    items = [item for item in drawn_items if writable([item]) and not is_subnormal(item, of)]
    octets = types.encode(name, types.Array(of.id, items))
    found, rest = theirs.deserialize(octets)
    assert rest == b""
    assert found.serialize() == octets
    assert (int(found.type), len(found.value)) == (of.id, len(items))


def test_structures() -> None:
    theirs = data_type(0x4C).python_type
    elements = [
        (entry.id, value)
        for entry in draw.plain_types
        if entry.size != 0
        for value in drawn(draw.scalars(entry), 3)
        if writable([value]) and not is_subnormal(value, entry)
    ]
    octets = types.encode("struct", types.Structure(elements))
    found, rest = theirs.deserialize(octets)
    assert rest == b""
    assert found.serialize() == octets
    assert [int(element.type) for element in found] == [type_ for type_, _ in elements]
    assert [element.value.serialize() for element in found] == [
        types.encode(type_, value) for type_, value in elements
    ]


# General commands ------------------------------------------------------------------------------


def general_values(command: Any) -> Iterator[Any]:
    """Our values in the order of the wire."""
    match command:
        case g.ReadAttributes():
            yield from command.attributes
        case g.DefaultResponse():
            yield from (command.command, command.status)
        case g.DiscoverAttributes():
            yield from (command.start, command.maximum)
        case (
            g.WriteAttributesResponse()
            | g.WriteAttributesStructuredResponse()
            | (g.ConfigureReportingResponse())
        ) if not command.records:
            yield 0
        case _:
            if isinstance(command, g.DiscoverAttributesResponse):
                yield command.complete
            for record in command.records:
                yield from record_values(record)


def record_values(record: Any) -> Iterator[Any]:
    match record:
        case g.AttributeRecord():
            yield from (record.attribute, record.status)
            if record.status == 0:
                yield from (record.type, primitive(record.value))
        case g.AttributeValue():
            yield from (record.attribute, record.type, primitive(record.value))
        case g.WriteStatus():
            yield from (record.status, record.attribute)
        case g.ReportingStatus():
            yield from (record.status, record.direction, record.attribute)
        case g.ReportingQuery():
            yield from (record.direction, record.attribute)
        case g.DiscoveredAttribute():
            yield from (record.attribute, record.type)
        case g.StructuredQuery():
            yield from (record.attribute, *selector_values(record.selector))
        case g.StructuredValue():
            yield from (record.attribute, *selector_values(record.selector))
            yield from (record.type, primitive(record.value))
        case g.StructuredStatus():
            yield from (record.status, record.attribute, *selector_values(record.selector))
        case _:
            raise AssertionError(record)


def selector_values(selector: g.Selector) -> list[int]:
    return [len(selector.indexes), selector.action, *selector.indexes]


def configurations(octets: bytes) -> tuple[list[list[Any]], bytes]:
    """zigpy's values of reporting configurations, read one by one, and its octets of them."""
    found, again = [], b""
    while octets:
        config, octets = foundation.AttributeReportingConfig.deserialize(octets)
        names = ("datatype", "min_interval", "max_interval", "reportable_change", "timeout")
        known = [primitive(getattr(config, name, None)) for name in names]
        found.append([int(config.direction), int(config.attrid), *known])
        again += config.serialize()
    return found, again


def test_reporting_configurations() -> None:
    for command in drawn(draw.general_commands()[g.ConfigureReporting], 3 * EXAMPLES):
        changes = [record.change for record in command.records]
        if any(is_subnormal(change) for change in changes):
            continue
        octets = command.to_bytes()
        found, again = configurations(octets)
        assert again == octets
        assert found == [
            [r.direction, r.attribute, r.type, r.minimum, r.maximum, primitive(r.change), r.timeout]
            for r in command.records
        ]


LISTED = [kind for kind in g.BY_COMMAND.values() if kind is not g.ConfigureReporting]


@pytest.mark.parametrize("kind", LISTED, ids=lambda kind: kind.__name__)
def test_general_commands(kind: Any) -> None:
    schema = GENERAL[kind.COMMAND].schema
    for command in drawn(draw.general_commands()[kind], EXAMPLES):
        octets = command.to_bytes()
        found, rest = schema.deserialize(octets)
        assert rest == b"", octets.hex()
        if kind is g.ReadReportingConfigurationResponse:  # its records are no list of fields
            assert found.serialize() == octets
            continue
        values = flat([primitive(value) for value in general_values(command)])
        if any(is_subnormal(value) for value in values):
            continue
        if writable(values):
            assert found.serialize() == octets
        theirs = [value for value in flat(primitive(found)) if value is not None]
        ours = [int.to_bytes(v, s, "little") if s else v for v, s in opaque(values, theirs)]
        assert theirs == [value for value in ours if value is not None], octets.hex()


def opaque(values: list[Any], theirs: list[Any]) -> Iterator[tuple[Any, int]]:
    """Our values, with the size of those that zigpy keeps as octets (general data)."""
    values = [value for value in values if value is not None]
    for number, value in enumerate(values):
        other = theirs[number] if number < len(theirs) else None
        size = len(other) if isinstance(other, bytes) and isinstance(value, int) else 0
        yield value, size


def test_general_commands_have_the_same_names() -> None:
    for kind in g.BY_COMMAND.values():
        theirs = GENERAL[kind.COMMAND].name.replace("_rsp", "_Response")
        assert theirs.replace("_", "") == kind.__name__


def test_status_codes() -> None:
    later = {
        "NOTIFICATION_PENDING",
        "UNSUPPORTED_CLUSTER",
        "LIMIT_REACHED",
    }
    theirs = {int(status): status.name for status in foundation.Status}
    for status in zcl.Status:
        assert theirs[int(status)] == status.name
    extra = {name for value, name in theirs.items() if value not in set(zcl.Status)}
    assert extra <= later | {"undefined_0xff"}, extra


# Cluster commands ------------------------------------------------------------------------------


def twin(cluster: zcl.ClusterDefinition, command: zcl.CommandDefinition) -> Any:
    """zigpy's definition of the command, or None."""
    theirs = Cluster._registry[cluster.id]
    known = (
        theirs.ClientCommandDefs
        if command.direction == zcl.Direction.TO_CLIENT
        else theirs.ServerCommandDefs
    )
    return next((entry for entry in known if entry.id == command.id), None)


SHARED = [
    (cluster, command)
    for cluster in zcl.clusters()
    for command in cluster.command_list
    if twin(cluster, command) is not None
]


def readable(name: str, values: draw.Values) -> bool:
    """Whether zigpy has such values at all; see `LIMITS`."""
    if name == "ImageNotify":
        return bool(values["PayloadType"] <= 3)
    if name == "ImageBlockResponse":
        return values["Status"] != zcl.Status.WAIT_FOR_DATA or "MinimumBlockPeriod" in values
    return True


@pytest.mark.parametrize(
    ("cluster", "command"), SHARED, ids=lambda value: getattr(value, "name", "")
)
def test_cluster_commands(cluster: zcl.ClusterDefinition, command: zcl.CommandDefinition) -> None:
    theirs = twin(cluster, command)
    for values in drawn(draw.commands(command.fields), EXAMPLES):
        if not readable(command.name, values):
            continue
        complete = command.complete(values, "1.0")
        octets = command.encode(complete)
        found, rest = theirs.schema.deserialize(octets)
        assert rest == b"", octets.hex()
        assert found.serialize() == octets
        lengths = {f.length for f in command.fields}
        ours = [primitive(v) for name, v in complete.items() if name not in lengths]
        assert flat(primitive(found)) == flat(ours), octets.hex()


def test_the_clusters_that_zigpy_has_are_all_compared() -> None:
    covered = {cluster.short for cluster, _ in SHARED}
    assert covered == {
        "basic",
        "identify",
        "alarms",
        "commissioning",
        "ota_upgrade",
        "metering",
    }
    for cluster in zcl.clusters():
        if cluster.short in covered:
            names = {command.name for command in cluster.command_list}
            assert names == {command.name for other, command in SHARED if other is cluster}


# Attributes ------------------------------------------------------------------------------------

ABBREVIATED = {
    "ApplicationVersion": "app_version",
    "ManufacturerName": "manufacturer",
    "ModelIdentifier": "model",
    "LocationDescription": "location_desc",
    "PhysicalEnvironment": "physical_env",
    "MainsVoltageMinThreshold": "mains_volt_min_thres",
    "MainsVoltageMaxThreshold": "mains_volt_max_thres",
    "BatteryVoltageMinThreshold": "battery_volt_min_thres",
}


@pytest.mark.parametrize(
    "short",
    ["basic", "power_configuration", "identify", "alarms", "time", "commissioning", "ota_upgrade"],
)
def test_attributes_of_general_clusters(short: str) -> None:
    cluster = zcl.cluster(short)
    theirs = {entry.id: entry for entry in Cluster._registry[cluster.id].AttributeDefs}
    for attribute in cluster.attribute_list:
        other = theirs[attribute.id]
        assert int(other.zcl_type) == attribute.data_type.id, attribute.name
        name = ABBREVIATED.get(attribute.name, attribute.name)
        assert other.name.replace("_", "") == name.replace("_", "").lower()


def test_attributes_of_metering() -> None:
    cluster = zcl.cluster("metering")
    theirs = {entry.id: entry for entry in Cluster._registry[cluster.id].AttributeDefs}
    shared = [attribute for attribute in cluster.attribute_list if attribute.id in theirs]
    assert len(shared) > 100
    for attribute in shared:
        type_ = types.BY_NAME[attribute.later_type or attribute.type]
        assert int(theirs[attribute.id].zcl_type) == type_.id, attribute.name


# ZDP -------------------------------------------------------------------------------------------


def zdo_readable(name: str, values: draw.Values) -> bool:
    """Whether zigpy has such values at all; see `LIMITS`."""
    if name in ("Bind_req", "Unbind_req"):
        return bool(values["DstAddrMode"] in (1, 3))
    if name == "Mgmt_Bind_rsp":
        return all(entry["DstAddrMode"] in (1, 3) for entry in values["BindingTableList"])
    if name == "Mgmt_NWK_Update_req":
        return not 5 < int(values["ScanDuration"]) < 0xFE
    if name in ("Node_Desc_rsp", "Power_Desc_rsp", "Simple_Desc_rsp"):
        return bool(values["Status"] == 0)
    if name in ("Mgmt_Lqi_rsp", "Mgmt_Rtg_rsp"):
        return bool(values["Status"] == 0)
    return True


ZDP_SHARED = [entry for entry in zdp.definitions() if entry.name != "End_Device_Bind_req"]


@pytest.mark.parametrize("definition", ZDP_SHARED, ids=lambda definition: definition.name)
def test_zdp_messages(definition: zdp.Definition) -> None:
    command = {entry.name: entry for entry in zdo.ZDOCmd}[definition.name]
    assert int(command) == definition.id
    _, schema = zdo.CLUSTERS[command]
    compared = 0
    for values in drawn(draw.commands(definition.fields), EXAMPLES):
        if not zdo_readable(definition.name, values):
            continue
        message = zdp.build(definition.name, 1, **values)
        octets = message.to_bytes()[1:]
        found, rest = t.deserialize(octets, schema)  # type: ignore[no-untyped-call]
        assert rest == b"", octets.hex()
        present = [value for value in found if value is not None]
        assert b"".join(value.serialize() for value in present) == octets
        ours = flat([primitive(value) for value in message.fields.values()])
        theirs = flat([primitive(value) for value in present])
        assert theirs == ours, octets.hex()
        compared += 1
    assert compared


def test_addresses_compare_as_numbers() -> None:
    address = Eui64.parse("00:0d:6f:00:01:02:03:04")
    assert primitive(t.EUI64.convert("00:0d:6f:00:01:02:03:04")) == int(address)
