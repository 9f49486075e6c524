"""Partner link keys between nodes in memory: who asks, who gives, what is taken."""

from __future__ import annotations

import random
from typing import Any

import pytest

from lab.golden.effects import Transmit
from lab.golden.node import Node
from lab.golden.nwk_layer import NetworkKey
from lab.golden.partner_keys import Broker, PartnerKeys
from zigbee.aps import KeyType, TransportKey
from zigbee.security import KeyId
from zigbee.types import Eui64

KEY = NetworkKey(0, bytes(range(16)))
CENTER, FIRST, SECOND = Eui64(0xC0), Eui64(0xA1), Eui64(0xB2)
SHORTS = {CENTER: 0x0000, FIRST: 0x1111, SECOND: 0x2222}


class Trio:
    """A trust center and two devices that hear each other at once."""

    def __init__(self) -> None:
        self.nodes = {one: self.node(one) for one in SHORTS}
        self.broker = Broker(self.nodes[CENTER])
        self.keys = {one: PartnerKeys(self.nodes[one], lambda: CENTER) for one in (FIRST, SECOND)}
        for one in (FIRST, SECOND):
            self.share(one, "cbke")

    def node(self, eui64: Eui64) -> Node:
        node = Node(eui64, rng=random.Random(int(eui64)), router=False)
        node.nwk.add_key(KEY)
        node.nwk.activate(0)
        node.mac.tune(channel=15, pan=0x1234, short=SHORTS[eui64])
        for other, short in SHORTS.items():
            node.nwk.learn(short, other)
        return node

    def share(self, device: Eui64, origin: str) -> None:
        link = bytes([int(device)]) * 16
        self.nodes[CENTER].aps.keys.install(device, link, origin)
        self.nodes[device].aps.keys.install(CENTER, link, origin)

    def run(self) -> None:
        """Hand over what was sent until nobody has anything more to send."""
        busy = True
        while busy:
            busy = False
            for sender in self.nodes.values():
                while sender.outbox:
                    effect: Any = sender.outbox.popleft()
                    if not isinstance(effect, Transmit):
                        continue
                    busy = True
                    for other in self.nodes.values():
                        if other is not sender:
                            other.frame_received(effect.octets, 0.0)

    def held(self, one: Eui64, other: Eui64) -> bytes | None:
        key = self.nodes[one].aps.keys.get(other)
        return None if key is None else key.key


def test_both_get_the_key_that_one_asked_for() -> None:
    trio = Trio()
    trio.keys[FIRST].request(SECOND)
    trio.run()
    assert trio.held(FIRST, SECOND) is not None
    assert trio.held(FIRST, SECOND) == trio.held(SECOND, FIRST)


def test_none_for_a_device_that_is_not_authenticated() -> None:
    trio = Trio()
    trio.share(SECOND, "code")
    trio.keys[FIRST].request(SECOND)
    trio.run()
    assert trio.held(FIRST, SECOND) is None


def test_a_1_0_trust_center_waits_for_both() -> None:
    trio = Trio()
    trio.broker.both_ask = True
    trio.keys[FIRST].request(SECOND)
    trio.run()
    assert trio.held(FIRST, SECOND) is None
    trio.keys[SECOND].request(FIRST)
    trio.run()
    assert trio.held(FIRST, SECOND) is not None
    assert trio.held(FIRST, SECOND) == trio.held(SECOND, FIRST)


@pytest.mark.parametrize("key_id", [None, KeyId.DATA, KeyId.KEY_TRANSPORT])
def test_only_under_the_key_load_key(key_id: KeyId | None) -> None:
    trio = Trio()
    center = trio.nodes[CENTER]
    command = TransportKey(KeyType.APPLICATION_LINK, bytes(16), partner=SECOND, initiator=0)
    link = None if key_id is None else center.aps.keys.get(FIRST)
    center.aps.send_command(command, SHORTS[FIRST], link_key=link, key_id=key_id or KeyId.DATA)
    trio.run()
    assert trio.held(FIRST, SECOND) is None


def test_the_trust_centers_own_key_is_never_replaced() -> None:
    trio = Trio()
    before = trio.held(FIRST, CENTER)
    trio.broker.transport(bytes(16), FIRST, CENTER, initiator=0)
    trio.run()
    assert trio.held(FIRST, CENTER) == before
