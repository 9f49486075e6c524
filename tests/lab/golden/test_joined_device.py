"""What a device in a network takes: data by the kind of its link key, and former network keys."""

from __future__ import annotations

import random

import pytest

from lab.golden.joining import Joiner, State
from lab.golden.node import Node
from lab.golden.nwk_layer import NetworkKey
from lab.golden.policy import Policy
from lab.golden.zcl_layer import Endpoint
from zigbee import aps
from zigbee.crypto import install_code
from zigbee.security import secure_aps
from zigbee.types import Eui64

CENTER, DEVICE = Eui64(0xC0), Eui64(0xD0)
LINK_KEY = bytes(range(16))
OLD, NEW = NetworkKey(0, b"\x11" * 16), NetworkKey(1, b"\x22" * 16)


class TakesAll(Policy):
    """The fault of TCP-07."""

    def takes_data_under_code_key(self) -> bool:
        return True


class OneKey(Policy):
    """The fault of TCP-08."""

    def keeps_former_key(self) -> bool:
        return False


def device(policy: Policy | None = None, origin: str = "code") -> Node:
    """A device in a network, sharing a link key of this origin with its trust center."""
    node = Node(DEVICE, rng=random.Random(1), policy=policy)
    node.zcl.add_endpoint(Endpoint(1, 0x0502))
    joiner = Joiner(node, install_code.with_crc(bytes(16)))
    joiner.trust_center, joiner.state = CENTER, State.JOINED
    node.nwk.add_key(OLD)
    node.nwk.activate(OLD.sequence)
    node.nwk.learn(0x0000, CENTER)
    node.mac.tune(channel=11, pan=0x1234, short=0x2222)
    node.aps.keys.install(CENTER, LINK_KEY, origin)
    node.outbox.clear()
    return node


def give_data(node: Node) -> int:
    """Give it APS data under the link key that asks for an acknowledgement; how much it answers."""
    frame = aps.ApsFrame(
        aps.ApsType.DATA,
        counter=7,
        ack_request=True,
        dst_endpoint=1,
        cluster=0x0700,
        profile=0x0109,
        src_endpoint=1,
        payload=b"\x09\x01\x00",
    )
    sealed = secure_aps(frame, LINK_KEY, source=CENTER, frame_counter=1)
    node.aps.received(node.nwk.frame(sealed.to_bytes(), 0x2222, src=0x0000))
    return len(node.outbox)


def test_no_data_under_the_code_key() -> None:
    assert give_data(device(origin="code")) == 0


@pytest.mark.parametrize("origin", ["cbke", "brokered"])
def test_data_under_an_established_key(origin: str) -> None:
    assert give_data(device(origin=origin)) > 0


def test_defect_takes_data_under_the_code_key() -> None:
    assert give_data(device(TakesAll())) > 0


def test_the_former_network_key_stays_after_a_switch() -> None:
    node = device()
    node.nwk.add_key(NEW)
    node.nwk.activate(NEW.sequence)
    assert node.nwk.active == NEW and node.nwk.keys == [OLD, NEW]


def test_defect_drops_the_former_network_key() -> None:
    node = device(OneKey())
    node.nwk.add_key(NEW)
    node.nwk.activate(NEW.sequence)
    assert node.nwk.keys == [NEW]


def test_leave_is_the_last_that_it_says() -> None:
    node = device(origin="cbke")
    joiner = Joiner(node, install_code.with_crc(bytes(16)))
    joiner.state = State.JOINED
    joiner.leave()
    assert len(node.outbox) == 1
    node.nwk.send(b"a frame that was due", 0x0000)
    assert len(node.outbox) == 1
    node.advance(1.0)
    assert joiner.state == State.FACTORY_NEW and not node.nwk.mute
