"""Every frame and command that the codec builds, dissected by tshark.

Hypothesis draws the frames; what tshark must say is written down per class below, from the values
that were drawn (never from our decoder). Nothing may be malformed or left over, and the FCS right.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from tests import tshark
from tests.frame_probes import (
    KINDS,
    LINK_KEYS,
    NETWORK_KEYS,
    PAN,
    READ_ATTRIBUTES,
    Probe,
    drawn,
    eui_of,
    fragmented,
)
from zigbee import aps, mac, nwk
from zigbee.dissect import Dissector, KeyRing
from zigbee.security import secure_nwk

EXAMPLES = 60
"""Frames drawn of each kind; each kind is one capture and one run of tshark."""

LIMITS = {
    "reserved bits of the MAC frame control": (
        "read as fields of IEEE 802.15.4-2015 (sequence number suppression, information elements)",
        "tests/zigbee/test_frames.py: nothing lost both ways",
    ),
    "PAN id compression with one address": (
        "refused as invalid addressing, which is what 2006 says of it too",
        "tests/zigbee/test_frames.py: nothing lost both ways",
    ),
    "network report and network update of a kind but 0": (
        "the list behind the extended PAN id is shown for kind 0 alone",
        "tests/zigbee/test_frames.py: nothing lost both ways; 053474r17 defines no other kind",
    ),
    "network update that counts other than one PAN id": (
        "as many PAN ids are read as are counted, and so they should; the class has one and keeps "
        "the rest as trailing octets",
        "tests/zigbee/test_frames.py: nothing lost both ways",
    ),
    "a secured APS frame of less than 14 octets from auxiliary header to MIC": (
        "taken as malformed: without the EUI-64 in it, payloads of up to 4 octets",
        "the same commands with the EUI-64, here; published Request Key (2 octets), "
        "tests/zigbee/test_published_frames.py",
    ),
    "a secured APS frame without payload (an acknowledgement)": (
        "not opened: no key is named, and its MIC is shown but not checked",
        "published CCM vectors without payload, tests/zigbee/test_security.py",
    ),
    "an EUI-64 of zero in an auxiliary header": (
        "taken as not known, and the frame stays encrypted",
        "no device has that address",
    ),
    "MAC commands with addresses other than demanded": (
        "taken as malformed",
        "tests/zigbee/test_frames.py: nothing lost both ways",
    ),
    "beacons of a protocol version other than 2": (
        "shown with the layout of the older versions, which the codec refuses to guess",
        "nothing: such a beacon is an error to us",
    ),
    "security levels but 5": (
        "one level is configured for a whole run",
        "tests/zigbee/test_security.py and the published CCM* vectors of levels 1 to 7",
    ),
}
"""What tshark 4.0 leaves blank or reads otherwise: the reason, and what stands in for it."""


@cache
def probes_of(kind: str) -> list[Probe]:
    return drawn(KINDS[kind], EXAMPLES)


@pytest.mark.parametrize("kind", KINDS)
def test_tshark_finds_the_same_values(kind: str) -> None:
    probes = probes_of(kind)
    keys = NETWORK_KEYS | LINK_KEYS
    trees = tshark.dissect([probe.octets for probe in probes], keys)
    assert len(probes) >= 2
    for probe, tree in zip(probes, trees, strict=True):
        where = f"{kind}: {probe.octets.hex()}"
        found = {name: tree.numbers(name) for name in probe.expected}
        assert found == probe.expected, where
        assert tree.complaints() == (["data.data"] if probe.data else []), where
        if probe.data:
            assert tree.fields["data.data"] == [probe.data.hex(":")], where


@pytest.mark.parametrize("kind", KINDS)
def test_the_dissector_opens_them_too(kind: str) -> None:
    dissector = listener()
    for probe in probes_of(kind):
        packet = dissector.dissect(probe.octets)
        where = f"{kind}: {probe.octets.hex()}"
        assert packet.error is None and packet.undecoded == b"", where
        assert packet.nwk_opened == (probe.expected.get("zbee_nwk.security") == [1]), where
        secured = [layer for layer in probe.expected.get("zbee_aps.security", []) if layer]
        assert packet.aps_opened == bool(secured), where


def listener() -> Dissector:
    keys = KeyRing()
    for number, key in enumerate(NETWORK_KEYS.values()):
        keys.add_network(key, number)
    for label, key in LINK_KEYS.items():
        keys.add_link(key, label)
    return Dissector(keys)


def test_fragments_come_together_for_both() -> None:
    for asdu, frames in drawn(fragmented(), 12):
        trees = tshark.dissect(frames, NETWORK_KEYS | LINK_KEYS)
        last = trees[-1]
        assert [tree.numbers("zbee_aps.reassembled.length") for tree in trees[:-1]] == [
            [] for _ in frames[:-1]
        ]
        assert last.numbers("zbee_aps.reassembled.length") == [len(asdu)]
        assert last.complaints() == []
        assert last.raw["zbee_zcl"] == [asdu.hex()]
        assert all(len(tree.numbers("zbee.sec.key")) == 2 for tree in trees)
        dissector = listener()
        packets = [dissector.dissect(frame) for frame in frames]
        assert packets[-1].reassembled == asdu
        assert packets[-1].command is not None and packets[-1].command.name == "ReadAttributes"
        assert [packet.error for packet in packets] == [None] * len(frames)


def data_frame(**wrong: Any) -> bytes:
    payload = aps.ApsFrame(
        aps.ApsType.DATA,
        1,
        dst_endpoint=1,
        cluster=0x0702,
        profile=0x0109,
        src_endpoint=1,
        payload=READ_ATTRIBUTES,
    )
    clear = nwk.NwkFrame(nwk.NwkType.DATA, 1, 2, 30, 1, payload.to_bytes())
    frame = secure_nwk(
        clear, bytes(range(16)), source=eui_of(2), frame_counter=1, key_sequence=0, **wrong
    )
    outer = mac.MacFrame(mac.MacType.DATA, 1, PAN, 1, src=2, pan_compression=True)
    return replace(outer, payload=frame.to_bytes()).to_bytes()


def test_the_oracle_complains_when_it_should() -> None:
    """Of a wrong MIC, of another security level, of octets left over, of a command cut short."""
    leave = nwk.NwkFrame(nwk.NwkType.COMMAND, 1, 2, 1, 1, nwk.Leave(trailing=b"new").to_bytes())
    cut = replace(leave, payload=nwk.RouteRequest(1, 2).to_bytes()[:3])
    outer = mac.MacFrame(mac.MacType.DATA, 1, PAN, 1, src=2, pan_compression=True)
    frames = [
        data_frame(),
        data_frame(flip_mic_bit=3),
        data_frame(level=6),
        replace(outer, payload=leave.to_bytes()).to_bytes(),
        replace(outer, payload=cut.to_bytes()).to_bytes(),
    ]
    right, *wrong = tshark.dissect(frames, NETWORK_KEYS)
    assert right.complaints() == []
    assert all(tree.complaints() for tree in wrong)
    assert wrong[2].fields["data.data"] == [b"new".hex(":")]
