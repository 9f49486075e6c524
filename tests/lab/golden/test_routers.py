"""Routers and parents without a radio: nodes that hear each other over a list of frames."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from lab.golden.effects import Transmit
from lab.golden.frequency import BROADCAST_DELIVERY, FrequencyAgility, energy_value, newer
from lab.golden.node import Node
from lab.golden.nwk_layer import NetworkKey
from lab.golden.parent import CAPACITY, Parent
from lab.golden.policy import Policy
from lab.golden.trust_center import TrustCenter
from zigbee import aps, mac, nwk
from zigbee.types import Eui64

KEY = NetworkKey(0, bytes(range(16)))
LINK_KEY = bytes(range(16, 32))
PAN = 0x1234
ROUTER, FAR = 0x1111, 0x2222
STRANGER = Eui64(0x0200_0000_0000_0099)


class Ether:
    """Nodes by name, who of them hears whom, and what was sent."""

    def __init__(self, heard: dict[str, tuple[str, ...]]) -> None:
        self.heard = heard
        self.nodes: dict[str, Node] = {}
        self.sent: list[tuple[str, mac.MacFrame]] = []
        self.now = 0.0

    def add(self, name: str, short: int) -> Node:
        """A joined node of this name."""
        node = Node(Eui64(0x0200_0000_0000_0000 | short), rng=Random(name))
        node.nwk.add_key(KEY)
        node.nwk.activate(KEY.sequence)
        node.mac.tune(channel=11, pan=PAN, short=short)
        self.nodes[name] = node
        return node

    def run(self, seconds: float = 1.0) -> None:
        """Let time pass in steps of 50 ms; frames arrive at once, and are acknowledged."""
        for _ in range(round(seconds / 0.05)):
            self.now += 0.05
            for node in self.nodes.values():
                node.advance(self.now)
            while any(node.outbox for node in self.nodes.values()):
                for name, node in self.nodes.items():
                    while node.outbox:
                        self._carry_out(name, node, node.outbox.popleft())

    def _carry_out(self, name: str, node: Node, effect: Any) -> None:
        if not isinstance(effect, Transmit):
            return
        frame = mac.MacFrame.from_bytes(effect.octets)
        self.sent.append((name, frame))
        near = [self.nodes[one] for one in self.heard[name]]
        taken = any(frame.dst in (one.mac.short, one.eui64) for one in near)
        for one in near:
            one.frame_received(effect.octets, self.now)
        status = "sent" if not frame.ack_request else "acked" if taken else "no_ack"
        node.transmit_done(effect.token, status, False, self.now)

    def by(self, name: str) -> list[nwk.NwkFrame]:
        """The NWK frames that a node sent, as they went on the air."""
        return [
            nwk.NwkFrame.from_bytes(frame.payload)
            for sender, frame in self.sent
            if sender == name and frame.frame_type == mac.MacType.DATA
        ]


@pytest.fixture
def chain() -> Ether:
    """A trust center, a router, and a node that hears the router only."""
    ether = Ether({"tc": ("router",), "router": ("tc", "far"), "far": ("router",)})
    ether.add("tc", 0x0000)
    ether.add("router", ROUTER).nwk.routing.parent_of = lambda: 0x0000
    # it came through somebody who is no more
    ether.add("far", FAR).nwk.routing.parent_of = lambda: 0x7777
    return ether


@pytest.fixture
def parent(chain: Ether) -> Parent:
    """The router of the chain as a parent; it shares a link key with the trust center."""
    router, tc = chain.nodes["router"], chain.nodes["tc"]
    router.aps.keys.install(tc.eui64, LINK_KEY, "cbke")
    router.nwk.neighbors[0x0000] = 0.0
    return Parent(router, lambda: tc.eui64)


def delivered_to(node: Node) -> list[bytes]:
    """NWK payloads that reach the APS layer of a node from now on."""
    came: list[bytes] = []
    node.aps.received = lambda frame: came.append(frame.payload)  # type: ignore[assignment,method-assign]
    return came


def test_a_route_is_asked_for_before_data_goes_out(chain: Ether) -> None:
    came = delivered_to(chain.nodes["tc"])
    chain.nodes["far"].nwk.send(b"\x00data", 0x0000)
    chain.run(2.0)
    assert came == [b"\x00data"]
    assert chain.nodes["far"].nwk.routes == {0x0000: ROUTER}
    # the way back was learned from the request
    assert chain.nodes["tc"].nwk.routes[FAR] == ROUTER


def test_frames_are_given_up_when_nobody_has_a_route(chain: Ether) -> None:
    ended: list[str] = []
    chain.nodes["far"].nwk.send(b"data", 0x3333, done=lambda status, _: ended.append(status))
    chain.run(2.0)
    assert ended == []
    chain.run(3.0)
    assert ended == ["no_route"]


def test_a_concentrator_hears_the_way_before_the_data(chain: Ether) -> None:
    tc, records = chain.nodes["tc"], []
    tc.nwk.routing.on_record = lambda source, relays: records.append((source, relays))
    came = delivered_to(tc)
    request = nwk.RouteRequest(1, nwk.BROADCAST_ROUTERS, many_to_one=1)
    tc.nwk.send_command(request, nwk.BROADCAST_ROUTERS, radius=30)
    chain.run(1.0)
    tc.nwk.routes.clear()
    chain.nodes["far"].nwk.send(b"data", 0x0000)
    chain.run(1.0)
    assert records == [(FAR, [ROUTER])]
    assert came == [b"data"]


@pytest.mark.parametrize(
    ("index", "relays", "expected"),
    [
        (0, [ROUTER], (0, FAR)),
        (1, [FAR, ROUTER], (0, FAR)),
        (2, [FAR, ROUTER, 0x4444], None),  # another relay's turn
        (7, [ROUTER], None),  # an index that is not in the list
    ],
)
def test_a_source_route_is_followed(
    chain: Ether, index: int, relays: list[int], expected: tuple[int, int] | None
) -> None:
    route = nwk.SourceRoute(index, relays)
    frame = nwk.NwkFrame(nwk.NwkType.DATA, FAR, 0x0000, 5, 1, source_route=route)
    found = chain.nodes["router"].nwk.routing.passed_on(frame)
    if expected is None:
        assert found is None
        return
    assert found is not None and found[0].source_route is not None
    assert (found[0].source_route.index, found[1]) == expected
    assert found[0].radius == 4


def test_a_spent_radius_ends_the_way(chain: Ether) -> None:
    frame = nwk.NwkFrame(nwk.NwkType.DATA, FAR, 0x0000, 1, 1)
    assert chain.nodes["router"].nwk.routing.passed_on(frame) is None


def associate(parent: Parent, device: Eui64, status: str = "acked") -> None:
    """A device asks for a place; its response is fetched (``acked``) or not (``expired``)."""
    answers: list[Callable[[str, bool], None]] = []

    def respond(
        to: Eui64, short: int, code: int, done: Callable[[str, bool], None] | None = None
    ) -> None:
        if done is not None:
            answers.append(done)

    parent.node.mac.respond_association = respond  # type: ignore[assignment,method-assign]
    assert parent.node.mac.on_association is not None
    parent.node.mac.on_association(device, 0x8E)
    for done in answers:
        done(status, False)


def test_a_child_is_reported_and_gets_its_key(chain: Ether, parent: Parent) -> None:
    tc = TrustCenter(chain.nodes["tc"])
    tc.node.aps.keys.install(parent.node.eui64, LINK_KEY, "cbke")
    tc.node.nwk.learn(ROUTER, parent.node.eui64)
    tc.register(STRANGER, bytes(16))
    parent.permit(60)
    associate(parent, STRANGER)
    chain.run(1.0)
    child = parent.children[STRANGER]
    assert tc.node.nwk.routes[child.short] == ROUTER
    handed = [one for one in chain.by("router") if one.dst == child.short]
    assert [one.security for one in handed] == [False]
    frame = aps.ApsFrame.from_bytes(handed[0].payload)
    assert frame.frame_type == aps.ApsType.COMMAND and frame.security


def test_nobody_joins_while_joining_is_closed(chain: Ether, parent: Parent) -> None:
    associate(parent, STRANGER)
    assert parent.children == {}
    parent.permit(1)
    chain.run(2.0)
    associate(parent, STRANGER)
    assert parent.children == {}


def test_places_of_the_absent_are_given_back(chain: Ether, parent: Parent) -> None:
    parent.permit(0xFF)
    for number in range(3 * CAPACITY):
        associate(parent, Eui64(number + 1), "expired")
    assert parent.children == {}
    assert chain.nodes["router"].nwk.beacon().end_device_capacity


def test_a_full_table_takes_no_more_until_time_is_over(chain: Ether, parent: Parent) -> None:
    parent.permit(0xFF)
    for number in range(2 * CAPACITY):
        associate(parent, Eui64(number + 1))
    assert len(parent.children) == CAPACITY
    assert not chain.nodes["router"].nwk.beacon().end_device_capacity
    chain.run(16.0)
    assert parent.children == {}


@pytest.mark.parametrize(
    ("mask", "update_id", "moves"),
    [(1 << 20, 1, True), (1 << 20, 0, False), (1 << 20 | 1 << 21, 1, False), (1 << 20, 200, False)],
)
def test_a_channel_change_is_followed_once_all_have_heard(
    chain: Ether, mask: int, update_id: int, moves: bool
) -> None:
    far = chain.nodes["far"]
    FrequencyAgility(far)
    chain.nodes["router"].zdo.send(
        "Mgmt_NWK_Update_req",
        nwk.BROADCAST_RX_ON,
        ScanChannels=mask,
        ScanDuration=0xFE,
        NwkUpdateId=update_id,
    )
    chain.run(BROADCAST_DELIVERY - 1)
    assert far.mac.channel == 11
    chain.run(2.0)
    assert far.mac.channel == (20 if moves else 11)
    assert far.nwk.update_id == (update_id if moves else 0)


def test_update_ids_wrap() -> None:
    assert newer(0, 255) and newer(1, 0) and not newer(255, 0) and not newer(7, 7)


def test_energy_values_stay_within_an_octet() -> None:
    assert energy_value(-120) == 0 and energy_value(0) == 255
    assert 0 < energy_value(-80) < energy_value(-60) < 255


class OnlyWhileOpen(Policy):
    """The fault of REJ-05 in a router."""

    def rejoins_while_closed(self) -> bool:
        return False


@pytest.mark.parametrize(("policy", "answers"), [(Policy(), 1), (OnlyWhileOpen(), 0)])
def test_a_child_is_taken_back_while_joining_is_closed(
    chain: Ether, parent: Parent, policy: Policy, answers: int
) -> None:
    router = chain.nodes["router"]
    router.policy = policy
    request = nwk.RejoinRequest(0x8E)
    chain.nodes["far"].nwk.send_command(request, ROUTER, src_eui=STRANGER, next_hop=ROUTER)
    chain.run(1.0)
    commands = [one for one in chain.by("router") if one.frame_type == nwk.NwkType.COMMAND]
    assert len([one for one in commands if one.dst == FAR]) == answers
    assert (STRANGER in parent.children) == bool(answers)
