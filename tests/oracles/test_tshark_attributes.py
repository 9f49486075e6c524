"""The attributes' identifiers and names, as tshark knows them: every attribute of every cluster.

A Read Attributes command for all of them is dissected; tshark names each identifier it knows, for
the side that the command is sent to.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import pytest

from tests import tshark
from tests.oracle_frames import psdu
from zigbee import zcl
from zigbee.zcl import general as g
from zigbee.zcl.model import Side

BATCH = 30
"""Attributes asked for by one command, so that it fits a frame."""

OTHERWISE = {
    "BatteryVoltageMinThreshold": "Battery Voltage Minimum Threshold",
    "DstStart": "Daylight Saving Time Start",
    "DstEnd": "Daylight Saving Time End",
    "DstShift": "Daylight Saving Time Shift",
    "NetworkKeySeqNum": "Network Key Sequence Number",
    # names of 1.2 and later
    "StartRandomizeMinutes": "Start Randomization Minutes",
    "StopRandomizeMinutes": "Duration Randomization Minutes",
    "IntervalReadReportingPeriod": "Deprecated",
    "PaymentControl": "Payment Control Configuration",
    "KeyEstablishmentSuite": "Supported Key Establishment Suites",
}
"""Attributes that go by other names in tshark."""

SIDES: list[tuple[zcl.ClusterDefinition, Side]] = [
    (cluster, side)
    for cluster in zcl.clusters()
    for side in ("server", "client")
    if cluster.attributes(side)
]


def plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def names_by_tshark(cluster: zcl.ClusterDefinition, side: Side) -> dict[int, str]:
    """What tshark calls each attribute, by identifier."""
    ids = sorted(cluster.attributes(side))
    direction = zcl.Direction.TO_SERVER if side == "server" else zcl.Direction.TO_CLIENT
    frames = []
    for start in range(0, len(ids), BATCH):
        asked = g.ReadAttributes(ids[start : start + BATCH]).to_bytes()
        frame = zcl.ZclFrame(False, direction, 1, g.ReadAttributes.COMMAND, asked)
        frames.append(psdu(cluster.id, 0x0109, 1, frame.to_bytes()))
    command = [tshark.program(), "-n", "-r", "-", "-T", "pdml"]
    root = ElementTree.fromstring(tshark.run(command, tshark.pcap(frames)))
    found = {}
    for element in root.iter("field"):
        shown = re.fullmatch(r"Attribute: (.*) \(0x([0-9a-f]{4})\)", element.get("showname", ""))
        if shown:
            found[int(shown[2], 16)] = shown[1]
    return found


@pytest.mark.parametrize(
    ("cluster", "side"), SIDES, ids=[f"{cluster.short}-{side}" for cluster, side in SIDES]
)
def test_names_of_attributes(cluster: zcl.ClusterDefinition, side: Side) -> None:
    found = names_by_tshark(cluster, side)
    assert set(found) == set(cluster.attributes(side))
    for id_, attribute in cluster.attributes(side).items():
        assert plain(found[id_]) == plain(OTHERWISE.get(attribute.name, attribute.name))
