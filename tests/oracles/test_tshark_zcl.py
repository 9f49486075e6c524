"""Every cluster, general and ZDP command that can be built, dissected by tshark.

Hypothesis draws the values. tshark must find each of them under the name it has for the field, in
the place where the octets are, and leave no octet without a name; nothing may be malformed. What
tshark shows wrongly or not at all is listed in `LIMITS`, with what stands in for it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from tests import command_strategies as draw
from tests import pdml
from tests.frame_probes import drawn
from tests.oracle_frames import psdu
from tests.tshark_names import CLUSTERS, TYPES, ZDP, Bits, Entry, Hidden, Names, Parts
from zigbee import zcl, zdp
from zigbee.zcl import general as g
from zigbee.zcl import types
from zigbee.zcl.model import FieldDefinition

EXAMPLES = 20
"""How often each command is drawn; a cluster's commands are one capture and one run of tshark."""

LIMITS = {
    "PublishBlockPeriod": (
        "tshark knows the layout of 1.2, without the octet of tiers and thresholds and with a "
        "duration type, and calls the frame malformed",
        "octets by hand in test_commands.py; the first four fields are compared here",
    ),
    "SelectAvailableEmergencyCredit": (
        "tshark knows the layout of 1.2, without SiteID and MeterSerialNumber",
        "octets by hand in test_commands.py; the first two fields are compared here",
    ),
    "ChangeSupply, SupplyStatusResponse": (
        "tshark knows these identifiers of the prepayment cluster from no revision",
        "octets by hand in test_commands.py",
    ),
    "GetScheduledEvents.IssuerEventID": (
        "the four octets are a field of eight bits to tshark, which shows the lowest",
        "its octets are compared",
    ),
    "CancelLoadControlEvent.EffectiveTime": (
        "tshark shows 0 for every time",
        "its octets are compared",
    ),
    "RequestFastPollModeResponse.FastPollModeEndTime": (
        "tshark counts it from 1970",
        "its octets are compared",
    ),
    "ImageBlockResponse.MinimumBlockPeriod": (
        "tshark does not know it where the server asks to wait",
        "zigpy",
    ),
    "RequestTunnel, RequestTunnelResponse": (
        "tshark calls the shorter form of 1.1, without MaximumIncomingTransferSize, malformed",
        "octets by hand in test_commands.py",
    ),
    "CancelMessage": (
        "tshark warns of a MessageControl that is not 0, a rule of 1.2",
        "its values are compared",
    ),
    "TransferData": (
        "without data tshark calls the frame malformed",
        "octets by hand in test_commands.py",
    ),
    "KeyEstablishment": (
        "a certificate is split only for suite 0x0001",
        "its octets are compared for the others",
    ),
    "End_Device_Bind_req": (
        "tshark takes two octets for the cluster counts, as before 2007",
        "octets by hand in test_zdp.py",
    ),
    "NWK_addr_rsp, IEEE_addr_rsp": (
        "a count without a start index is left undissected",
        "zigpy",
    ),
    "Mgmt_NWK_Update_rsp": (
        "of more energy values than channels scanned the rest is left undissected",
        "zigpy",
    ),
    "Simple_Desc_rsp": (
        "the descriptor of a failure is left undissected",
        "octets by hand in test_zdp.py",
    ),
    "Mgmt_Bind_rsp": ("the address mode of an entry has no name", "zigpy"),
    "DiscoverAttributesResponse.complete": ("has no name", "zigpy"),
    "struct": ("tshark takes an attribute identifier before each element's type", "zigpy"),
    "WriteAttributesStructured, WriteAttributesStructuredResponse": (
        "tshark looks for the selector in the wrong place",
        "octets by hand in test_general.py; the reading command's selector is compared here",
    ),
    "invalid strings": (
        "tshark takes the length 0xFF for 255 octets",
        "zigpy for string, octets by hand in test_types.py for the others",
    ),
}
"""What tshark 4.0 leaves blank or reads otherwise: the reason, and what stands in for it."""

SHOWN_WRONG = {
    "GetScheduledEvents.IssuerEventID",
    "CancelLoadControlEvent.EffectiveTime",
    "RequestFastPollModeResponse.FastPollModeEndTime",
}
AS_OCTETS = {"zbee_zcl.attr.bytes"}
INCOMPLETE = {"PublishBlockPeriod", "End_Device_Bind_req"}
WARNINGS = {"Message Control deprecated in this message, should be 0x00"}


@dataclass(slots=True)
class Piece:
    """One value in a payload: where it is from, its value, its octets, what tshark calls it."""

    path: str
    value: Any
    size: int
    entry: Entry


@dataclass(slots=True)
class Probe:
    """A payload to be dissected, in its frame, and what it consists of."""

    title: str
    psdu: bytes
    payload: bytes
    pieces: list[Piece]
    incomplete: bool = False


# What a payload consists of --------------------------------------------------------------------


def entry_of(names: Names, command: str, path: str) -> Entry:
    if f"{command}.{path}" in names:
        return names[f"{command}.{path}"]
    return names[path]


def pieces_of(
    command: str,
    fields: Sequence[FieldDefinition],
    values: Mapping[str, Any],
    names: Names,
    path: str = "",
) -> Iterator[Piece]:
    """The values in the order of the wire; lengths and counts are those of the values drawn."""
    for definition in fields:
        if definition.name not in values:
            continue
        here = f"{path}{definition.name}"
        value = values[definition.name]
        if definition.type in ("list", "struct"):
            yield from nested(command, definition, value, names, here)
            continue
        entry = entry_of(names, command, here)
        size = len(value) if definition.type == "octets" else scalar_size(definition.type, value)
        if isinstance(entry, Parts) and values.get(fields[0].name) == 1:
            start = 0
            for length, name in entry.lengths:
                yield Piece(here, value[start : start + length], length, name)
                start += length
        else:
            yield Piece(here, value, size, "" if isinstance(entry, Parts) else entry)


def scalar_size(type_: str, value: Any) -> int:
    """The octets of a value: the size of its type, or a string's length and its length octets."""
    entry = types.BY_NAME[type_]
    if entry.size is not None:
        return entry.size
    octets = value.encode() if isinstance(value, str) else value
    return entry.prefix + len(octets)


def nested(
    command: str, definition: FieldDefinition, value: Any, names: Names, here: str
) -> Iterator[Piece]:
    inner = [value] if definition.type == "struct" else value
    counts, item = "", names.get(here, "")
    if f"{command}.{here}" in names:
        item = names[f"{command}.{here}"]
    if isinstance(item, str) and definition.prefix:
        counts, _, item = item.partition(" ")
    elif isinstance(item, Hidden):
        counts = ""
    if definition.prefix:
        count = len(inner)
        if definition.type == "struct":
            count = sum(
                p.size for p in pieces_of(command, definition.fields, value, names, here + ".")
            )
        yield Piece(here, count, 1, counts or item)
    for element in inner:
        if definition.fields:
            yield from pieces_of(command, definition.fields, element, names, f"{here}.")
        else:
            yield Piece(here, element, scalar_size(str(definition.item), element), item)


# The comparison --------------------------------------------------------------------------------


def check(probe: Probe, packet: pdml.Packet, start: int) -> None:
    """Every value under its name and in its place; no octet left over; no complaint."""
    complaints = [text for text in packet.complaints if text not in WARNINGS]
    assert probe.incomplete or not complaints, (complaints, report(probe, packet))
    named = [leaf for leaf in packet.leaves if leaf.offset >= start]
    offset = start
    for piece in probe.pieces:
        if piece.size and not isinstance(piece.entry, Hidden):
            fault = compare(probe.title, piece, named, offset)
            assert fault is None, f"{probe.title}.{piece.path}: {fault}\n{report(probe, packet)}"
        offset += piece.size
    assert offset == start + len(probe.payload), report(probe, packet)


def compare(title: str, piece: Piece, leaves: Sequence[pdml.Leaf], offset: int) -> str | None:
    """What is wrong, if anything, with what tshark has at `offset`."""
    leaf = next((x for x in leaves if x.offset <= offset < x.offset + x.size), None)
    if leaf is None:
        return f"no field at octet {offset}"
    if isinstance(piece.entry, Bits):
        return compare_bits(piece, piece.entry, leaf)
    if (leaf.offset, leaf.size) != (offset, piece.size):
        return f"is at {offset}+{piece.size}, tshark has {leaf}"
    name = str(piece.entry)
    if name not in leaf.shown:
        return f"{name} is not at octet {offset}: {leaf}"
    if leaf.octets != octets_of(piece):
        return f"{piece.value!r} is not {leaf}"
    if (
        not isinstance(piece.value, int)
        or f"{title}.{piece.path}" in SHOWN_WRONG
        or name in AS_OCTETS
    ):
        return None
    shown = pdml.number(leaf.shown[name])
    if shown in (None, piece.value):
        return None
    return f"{piece.value!r} is shown as {leaf}"


def compare_bits(piece: Piece, entry: Bits, leaf: pdml.Leaf) -> str | None:
    for name, mask in entry.masks.items():
        expected = piece.value if mask == -1 else (piece.value & mask) // (mask & -mask)
        if mask == -1:
            expected &= 0x07FFFFFF
        if name not in leaf.shown:
            return f"{name} is not in {leaf}"
        if pdml.number(leaf.shown[name]) != expected:
            return f"{name} should be {expected}: {leaf}"
    return None


def octets_of(piece: Piece) -> bytes:
    """The value's octets, made without the code under test."""
    value, size = piece.value, piece.size
    if isinstance(value, bool | int):
        return int(value).to_bytes(size, "little", signed=value < 0)
    if isinstance(value, float):
        return struct.pack({2: "<e", 4: "<f", 8: "<d"}[size], value)
    octets = value.encode() if isinstance(value, str) else bytes(value)
    prefix = size - len(octets)
    return len(octets).to_bytes(prefix, "little") + octets if prefix else octets


def report(probe: Probe, packet: pdml.Packet) -> str:
    pieces = "\n".join(f"  {p.path} {p.value!r} {p.size} {p.entry}" for p in probe.pieces)
    leaves = "\n".join(f"  {leaf}" for leaf in packet.leaves)
    return f"{probe.title} {probe.payload.hex()}\nwe sent\n{pieces}\ntshark found\n{leaves}"


# Cluster commands ------------------------------------------------------------------------------

WITH_COMMANDS = [cluster for cluster in zcl.clusters() if cluster.command_list]


def cluster_probe(
    cluster: zcl.ClusterDefinition, command: zcl.CommandDefinition, values: draw.Values
) -> Probe:
    complete = command.complete(values, "1.0")
    payload = command.encode(complete)
    frame = zcl.ZclFrame(True, command.direction, 5, command.id, payload)
    return Probe(
        command.name,
        psdu(cluster.id, 0x0109, 1, frame.to_bytes()),
        payload,
        list(pieces_of(command.name, command.fields, complete, CLUSTERS[cluster.short])),
        command.name in INCOMPLETE,
    )


def dissected(probes: Sequence[Probe], protocol: str) -> None:
    packets = pdml.dissect([probe.psdu for probe in probes], [protocol, "data"])
    for probe, packet in zip(probes, packets, strict=True):
        end = max((leaf.offset + leaf.size for leaf in packet.leaves), default=0)
        start = len(probe.psdu) - len(probe.payload)
        assert end <= len(probe.psdu)
        check(probe, packet, start)


def showable(command: str, values: draw.Values) -> bool:
    """Whether tshark can show this one at all; see `LIMITS`."""
    if command in ("RequestTunnel", "RequestTunnelResponse"):
        return "MaximumIncomingTransferSize" in values
    return command != "TransferData" or bool(values["Data"])


@pytest.mark.parametrize("cluster", WITH_COMMANDS, ids=lambda cluster: cluster.short)
def test_cluster_commands(cluster: zcl.ClusterDefinition) -> None:
    probes = [
        cluster_probe(cluster, command, values)
        for command in cluster.command_list
        for values in drawn(draw.commands(command.fields), EXAMPLES)
        if showable(command.name, values)
    ]
    dissected(probes, "zbee_zcl")


# ZDP -------------------------------------------------------------------------------------------


def zdp_showable(name: str, values: draw.Values) -> bool:
    if name in ("NWK_addr_rsp", "IEEE_addr_rsp"):
        return ("NumAssocDev" in values or "NWKAddrAssocDevList" in values) == (
            "StartIndex" in values
        )
    if name == "Simple_Desc_rsp":
        return bool(values["Status"] == 0)
    if name == "Mgmt_NWK_Update_rsp":
        return len(values["EnergyValues"]) <= int(values["ScannedChannels"]).bit_count()
    return True


def zdp_probe(definition: zdp.Definition, values: draw.Values) -> Probe:
    message = zdp.build(definition.name, 0x21, **values)
    payload = message.to_bytes()
    pieces = [Piece("sequence", 0x21, 1, "zbee_zdp.seqno")]
    pieces += pieces_of(definition.name, definition.fields, message.fields, ZDP)
    sent = psdu(definition.id, 0, 0, payload)
    return Probe(definition.name, sent, payload, pieces, definition.name in INCOMPLETE)


@pytest.mark.parametrize("responses", [False, True], ids=["requests", "responses"])
def test_zdp_commands(responses: bool) -> None:
    probes = [
        zdp_probe(definition, values)
        for definition in zdp.definitions()
        if definition.is_response == responses
        for values in drawn(draw.commands(definition.fields), EXAMPLES)
        if zdp_showable(definition.name, values)
    ]
    dissected(probes, "zbee_zdp")


# General commands ------------------------------------------------------------------------------

GENERIC_CLUSTER = 0xFC00
"""A cluster that tshark has no names for: it gives attributes their generic names."""


def value_pieces(type_: int, value: Any) -> Iterator[Piece]:
    """A value after its type octet."""
    entry = types.BY_ID[type_]
    prefix = "zbee_zcl.attr."
    if entry.form == "array":
        yield Piece("type", value.type, 1, f"{prefix}{entry.name}.elements_type")
        yield Piece("count", len(value.items), 2, f"{prefix}{entry.name}.elements_num")
        for item in value.items:
            yield from value_pieces(value.type, item)
    elif entry.form in ("tod", "date"):
        shown = (
            ("hours", "mins", "secs", "csecs") if entry.form == "tod" else ("yy", "mm", "md", "wd")
        )
        for octet, name in zip(value, shown, strict=True):
            yield Piece(name, octet, 1, prefix + name)
    elif entry.form != "none":
        size = scalar_size(entry.name, value)
        yield Piece(entry.name, value, size, prefix + TYPES.get(entry.name, entry.name))


def attribute(id_: int) -> Piece:
    return Piece("attribute", id_, 2, "zbee_zcl.attr.id")


def octet(name: str, value: int) -> Piece:
    return Piece(name, value, 1, f"zbee_zcl.attr.{name}")


def word(name: str, value: int) -> Piece:
    return Piece(name, value, 2, f"zbee_zcl.attr.{name}")


def typed_pieces(type_: Any, value: Any) -> Iterator[Piece]:
    yield octet("data.type", type_)
    yield from value_pieces(type_, value)


def configuration_pieces(config: g.ReportingConfiguration) -> Iterator[Piece]:
    """What follows direction and attribute."""
    if config.direction:
        yield word("timeout", config.timeout or 0)
        return
    yield octet("data.type", config.type)  # type: ignore[arg-type]
    yield word("minint", config.minimum or 0)
    yield word("maxint", config.maximum or 0)
    if config.change is not None:
        yield from value_pieces(config.type, config.change)  # type: ignore[arg-type]


def record_pieces(record: Any) -> Iterator[Piece]:
    match record:
        case g.AttributeRecord():
            yield from (attribute(record.attribute), octet("status", record.status))
            if record.status == 0:
                yield from typed_pieces(record.type, record.value)
        case g.AttributeValue():
            yield attribute(record.attribute)
            yield from typed_pieces(record.type, record.value)
        case g.WriteStatus():
            yield from (octet("status", record.status), attribute(record.attribute))
        case g.ReportingConfiguration():
            yield from (octet("dir", record.direction), attribute(record.attribute))
            yield from configuration_pieces(record)
        case g.ReportingStatus():
            yield from (octet("status", record.status), octet("dir", record.direction))
            yield attribute(record.attribute)
        case g.ReportingQuery():
            yield from (octet("dir", record.direction), attribute(record.attribute))
        case g.ReportingRecord():
            yield from (octet("status", record.status), octet("dir", record.direction))
            yield attribute(record.attribute)
            if record.configuration is not None:
                yield from configuration_pieces(record.configuration)
        case g.DiscoveredAttribute():
            yield from (attribute(record.attribute), octet("data.type", record.type))  # type: ignore
        case g.StructuredQuery():
            yield from (attribute(record.attribute), octet("ind", len(record.selector.indexes)))
            for index in record.selector.indexes:
                yield word("index", index)
        case _:
            raise AssertionError(record)


def general_pieces(command: Any) -> list[Piece]:
    match command:
        case g.ReadAttributes():
            return [attribute(id_) for id_ in command.attributes]
        case g.DefaultResponse():
            answered = Piece("command", command.command, 1, "zbee_zcl.cmd.id.rsp")
            return [answered, octet("status", command.status)]
        case g.DiscoverAttributes():
            return [word("start", command.start), octet("maxnum", command.maximum)]
        case g.WriteAttributesResponse() | g.ConfigureReportingResponse() if not command.records:
            return [octet("status", 0)]
    pieces = [piece for record in command.records for piece in record_pieces(record)]
    if isinstance(command, g.DiscoverAttributesResponse):
        return [Piece("complete", command.complete, 1, Hidden()), *pieces]
    return pieces


GENERAL = {
    kind: strategy
    for kind, strategy in draw.general_commands().items()
    if kind not in (g.WriteAttributesStructured, g.WriteAttributesStructuredResponse)
}


def general_probe(command: Any) -> Probe:
    payload = command.to_bytes()
    frame = zcl.ZclFrame(False, zcl.Direction.TO_SERVER, 5, command.COMMAND, payload)
    sent = psdu(GENERIC_CLUSTER, 0x0109, 1, frame.to_bytes())
    return Probe(type(command).__name__, sent, payload, general_pieces(command))


def plain_selectors(command: Any) -> bool:
    """The action of a selector that reads is 0; tshark shows it and the count as one number."""
    return not isinstance(command, g.ReadAttributesStructured) or all(
        record.selector.action == 0 for record in command.records
    )


def test_general_commands() -> None:
    probes = [
        general_probe(command)
        for strategy in GENERAL.values()
        for command in drawn(strategy, EXAMPLES)
        if plain_selectors(command)
    ]
    dissected(probes, "zbee_zcl")


def test_every_data_type() -> None:
    """Each type alone, and in turn as elements of an array, a set and a bag; `LIMITS`: struct."""
    probes = []
    for number, entry in enumerate(draw.plain_types):
        values = drawn(draw.scalars(entry), 8)
        for value in values:
            probes.append(general_probe(g.ReportAttributes([g.AttributeValue(1, entry.id, value)])))
        list_type = types.BY_NAME[("array", "set", "bag")[number % 3]]
        if entry.size != 0:
            array = types.Array(entry.id, values[:4])
            report = g.ReportAttributes([g.AttributeValue(1, list_type.id, array)])
            probes.append(general_probe(report))
    dissected(probes, "zbee_zcl")


# The oracle itself -----------------------------------------------------------------------------


def test_the_table_names_every_field() -> None:
    for cluster in WITH_COMMANDS:
        names = CLUSTERS[cluster.short]
        for command in cluster.command_list:
            for definition in command.fields:
                assert {definition.name, f"{command.name}.{definition.name}"} & set(names) or (
                    definition.fields
                ), f"{cluster.short} {command.name}.{definition.name}"


def test_a_wrong_octet_is_noticed() -> None:
    """The comparison must fail for a field that is shifted, swapped or left over."""
    cluster = zcl.cluster("price")
    command = cluster.command("GetScheduledPrices")
    probe = cluster_probe(cluster, command, {"StartTime": 1, "NumberOfEvents": 2})
    dissected([probe], "zbee_zcl")
    for wrong in (b"\x01\x00\x00\x00\x03", b"\x00\x00\x00\x01\x02", b"\x01\x00\x00\x00\x02\x00"):
        frame = zcl.ZclFrame(True, command.direction, 5, command.id, wrong)
        sent = psdu(cluster.id, 0x0109, 1, frame.to_bytes())
        with pytest.raises(AssertionError):
            dissected([Probe(probe.title, sent, wrong, probe.pieces)], "zbee_zcl")
    moved = [Piece("NumberOfEvents", 2, 1, probe.pieces[1].entry), probe.pieces[0]]
    with pytest.raises(AssertionError):
        dissected([Probe(probe.title, probe.psdu, probe.payload, moved)], "zbee_zcl")
