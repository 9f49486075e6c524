"""Asks a device what it is: node descriptor, endpoints, simple descriptors, attributes.

The answers are what `lab.registers.derivation` derives PICS items from. Blocking, within a few
seconds a question. What a device does not answer about attributes stays unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab.patterns import zcl, zdp
from lab.procedures import descriptors, fields_of
from lab.registers.derivation import Application, NodeFacts, Rules, Seen, Side
from lab.verdicts import Inconclusive
from zigbee.zcl import Direction, general

if TYPE_CHECKING:
    from lab.units.golden_unit import GoldenUnit

__all__ = ["interview"]

WITHIN = 10.0
#: Attributes asked for at once.
SOME = 15
LOGICAL_TYPE = 0x07
RX_ON_WHEN_IDLE, SECURITY_CAPABILITY = 1 << 3, 1 << 6
NETWORK_MANAGER = 1 << 6
DIRECTION = {"server": Direction.TO_SERVER, "client": Direction.TO_CLIENT}


def interview(unit: GoldenUnit, rules: Rules) -> Seen:
    """Ask all that ``rules`` need. Raises Inconclusive where a descriptor is not given."""
    node = node_facts(unit)
    applications = tuple(map(application, descriptors(unit)))
    attributes: dict[tuple[int, Side], frozenset[int]] = {}
    values: dict[tuple[int, Side, int], int] = {}
    for one in applications:
        if one.profile != rules.profile:
            continue
        for cluster, side in {(rule.cluster, rule.side) for rule in rules.attributes.values()}:
            if one.has(cluster, side) and (found := listed(unit, one.endpoint, cluster, side)):
                attributes[cluster, side] = found | attributes.get((cluster, side), frozenset())
        for bit in rules.bits.values():
            if one.has(bit.cluster, bit.side):
                value = read(unit, one.endpoint, bit.cluster, bit.side, bit.attribute)
                if isinstance(value, int):
                    values[bit.cluster, bit.side, bit.attribute] = value
    return Seen(node, applications, attributes, values)


def node_facts(unit: GoldenUnit) -> NodeFacts:
    """What the node descriptor says."""
    sequence = unit.ask("Node_Desc_req", NWKAddrOfInterest=unit.device_short)
    heard = unit.air.seek(zdp("Node_Desc_rsp").numbered(sequence), within=WITHIN)
    found = fields_of(heard).get("NodeDescriptor")
    if not isinstance(found, dict):
        raise Inconclusive("precondition not reached: the device gave no node descriptor")
    capability = found["MACCapabilityFlags"]
    return NodeFacts(
        logical_type=found["LogicalType"] & LOGICAL_TYPE,
        rx_on_when_idle=bool(capability & RX_ON_WHEN_IDLE),
        security_capability=bool(capability & SECURITY_CAPABILITY),
        network_manager=bool(found["ServerMask"] & NETWORK_MANAGER),
    )


def application(descriptor: dict[str, Any]) -> Application:
    """A simple descriptor from its ZDP fields."""
    return Application(
        descriptor["Endpoint"],
        descriptor["ProfileID"],
        descriptor["DeviceID"],
        frozenset(descriptor["InputClusters"]),
        frozenset(descriptor["OutputClusters"]),
    )


def listed(unit: GoldenUnit, endpoint: int, cluster: int, side: Side) -> frozenset[int] | None:
    """The attributes that Discover Attributes lists; None where it is not answered to its end."""
    found: set[int] = set()
    start = 0
    while True:
        frame = unit.read_frame(direction=DIRECTION[side])
        frame.command = general.DiscoverAttributes.COMMAND
        frame.payload = general.DiscoverAttributes(start, SOME).to_bytes()
        unit.send_zcl(cluster, frame, endpoint=endpoint)
        answer = zcl("DiscoverAttributesResponse").numbered(frame.sequence)
        heard = unit.air.seek(answer, within=WITHIN)
        if heard is None or heard.packet.command is None:
            return None
        fields = heard.packet.command.fields
        new = {one.attribute for one in fields["records"]} - found
        found |= new
        if fields["complete"] or not new:
            return frozenset(found)
        start = max(found) + 1


def read(unit: GoldenUnit, endpoint: int, cluster: int, side: Side, attribute: int) -> Any:
    """The value of an attribute; None where the device does not give it."""
    sequence = unit.read(cluster, attribute, direction=DIRECTION[side], endpoint=endpoint)
    heard = unit.air.seek(zcl("ReadAttributesResponse").numbered(sequence), within=WITHIN)
    if heard is None or heard.packet.command is None:
        return None
    record = heard.packet.command.fields["records"][0]
    return record.value if record.status == 0 else None
