"""What a parent holds for a child that polls: when it goes, how often, and until when."""

import random

import pytest

from lab.golden.effects import Transmit
from lab.golden.mac_layer import PERSISTENCE, SETTLING
from lab.golden.node import Node
from lab.golden.nwk_layer import NetworkKey
from zigbee.mac import DataRequest, MacFrame, MacType
from zigbee.nwk import BROADCAST_ALL, NwkFrame
from zigbee.types import Eui64

CHILD = 0x1234


@pytest.fixture
def parent() -> Node:
    node = Node(Eui64(1), rng=random.Random(1))
    node.mac.tune(channel=11, pan=0x1111, short=0x0000)
    node.nwk.add_key(NetworkKey(0, bytes(16)))
    node.nwk.activate(0)
    node.nwk.children[CHILD] = False
    node.outbox.clear()
    return node


def poll(parent: Node, now: float, *, promised: bool) -> list[Transmit]:
    """The child polls; gives what is sent to it."""
    parent.advance(now)
    request = MacFrame(
        MacType.COMMAND,
        round(now * 100) & 0xFF,
        dst_pan=0x1111,
        dst=0x0000,
        src=CHILD,
        payload=DataRequest().to_bytes(),
        ack_request=True,
        pan_compression=True,
    )
    parent.frame_received(request.to_bytes(), now, promised=promised)
    sent = [one for one in parent.outbox if isinstance(one, Transmit)]
    parent.outbox.clear()
    return sent


def counter_of(one: Transmit) -> int:
    aux = NwkFrame.from_bytes(MacFrame.from_bytes(one.octets).payload).aux
    assert aux is not None
    return aux.frame_counter


def test_nothing_is_sent_to_a_child_that_was_promised_nothing(parent: Node) -> None:
    parent.nwk.send(b"\x40", CHILD)
    assert poll(parent, SETTLING / 2, promised=False) == []
    assert len(poll(parent, 0.5, promised=True)) == 1


def test_a_radio_that_tells_nothing_is_trusted_after_a_while(parent: Node) -> None:
    parent.nwk.send(b"\x40", CHILD)
    assert len(poll(parent, SETTLING, promised=False)) == 1


def test_a_held_frame_goes_once_a_poll_until_it_arrives(parent: Node) -> None:
    told: list[str] = []
    parent.nwk.send(b"\x40", CHILD, done=lambda status, pending: told.append(status))
    (first,) = poll(parent, 1.0, promised=True)
    assert first.retries == 0
    parent.transmit_done(first.token, "no_ack", False, 1.1)
    (second,) = poll(parent, 2.0, promised=True)
    assert counter_of(second) > counter_of(first)
    parent.transmit_done(second.token, "acked", False, 2.1)
    assert told == ["acked"]
    assert poll(parent, 3.0, promised=True) == []


def test_a_held_frame_expires(parent: Node) -> None:
    told: list[str] = []
    parent.nwk.send(b"\x40", CHILD, done=lambda status, pending: told.append(status))
    assert poll(parent, PERSISTENCE, promised=True) == []
    assert told == ["expired"]


def test_a_broadcast_is_secured_anew_when_the_child_fetches_it(parent: Node) -> None:
    parent.nwk.send(b"\x40", BROADCAST_ALL)
    (on_air,) = [one for one in parent.outbox if isinstance(one, Transmit)]
    parent.outbox.clear()
    (fetched,) = poll(parent, 1.0, promised=True)
    assert counter_of(fetched) > counter_of(on_air)


def test_an_acknowledgement_is_awaited_until_the_child_can_have_fetched_the_frame(
    parent: Node,
) -> None:
    def ask(dst: int) -> None:
        parent.aps.send(
            b"", dst, cluster=0, profile=0x0109, dst_endpoint=1, src_endpoint=1, ack=True
        )

    ask(CHILD)
    parent.advance(PERSISTENCE)  # it was not fetched, and is held again when its time is over
    assert not [one for one in parent.outbox if isinstance(one, Transmit)]
    (held,) = poll(parent, PERSISTENCE + 1.7, promised=True)
    assert MacFrame.from_bytes(held.octets).dst == CHILD
    # fetched, and not acknowledged: from here on the child is as any other node
    parent.transmit_done(held.token, "acked", False, 10.0)
    assert poll(parent, 11.5, promised=True) == []
    (again,) = poll(parent, 11.7, promised=True)
    assert MacFrame.from_bytes(again.octets).dst == CHILD
