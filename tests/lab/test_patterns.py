"""What counts as a reaction to a stimulus."""

from __future__ import annotations

import pytest

from lab.patterns import reaction_to
from zigbee.aps import ApsFrame, ApsType
from zigbee.packet import Packet
from zigbee.zcl import Direction, ZclFrame
from zigbee.zcl.decoding import decode

BASIC, PRICE = 0x0000, 0x0700
READ, ANSWER, REFUSAL = 0x00, 0x01, 0x0B
SEQUENCE, COUNTER = 77, 200
STIMULUS = ApsFrame(ApsType.DATA, COUNTER, cluster=BASIC, profile=0x0109)


def data(command: int, payload: str, *, cluster: int = BASIC, sequence: int = SEQUENCE) -> Packet:
    zcl = ZclFrame(
        cluster_specific=False,
        direction=Direction.TO_CLIENT,
        sequence=sequence,
        command=command,
        payload=bytes.fromhex(payload),
    )
    aps = ApsFrame(ApsType.DATA, 1, cluster=cluster, profile=0x0109, payload=zcl.to_bytes())
    return Packet(0.0, b"", aps=aps, zcl=zcl, command=decode(zcl, cluster))


def acknowledgement(counter: int) -> Packet:
    return Packet(0.0, b"", aps=ApsFrame(ApsType.ACK, counter, cluster=BASIC, profile=0x0109))


@pytest.mark.parametrize(
    "packet",
    [data(ANSWER, "0000002003"), data(REFUSAL, "0001"), acknowledgement(COUNTER)],
    ids=["answer", "refusal", "acknowledgement"],
)
def test_answers_and_acknowledgements_are_reactions(packet: Packet) -> None:
    assert reaction_to(STIMULUS, SEQUENCE).matches(packet)


@pytest.mark.parametrize(
    "packet",
    [
        data(READ, "0000"),
        data(ANSWER, "0000002003", cluster=PRICE),
        data(ANSWER, "0000002003", sequence=SEQUENCE + 1),
        acknowledgement(COUNTER + 1),
        Packet(0.0, b""),
    ],
    ids=["own read", "another cluster", "another number", "another frame", "another layer"],
)
def test_what_the_device_says_by_itself_is_no_reaction(packet: Packet) -> None:
    assert not reaction_to(STIMULUS, SEQUENCE).matches(packet)
