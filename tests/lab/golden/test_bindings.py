"""The binding table of a node: what it takes, what it has no room for."""

from __future__ import annotations

import random
from typing import Any

from lab.golden.aps_layer import Indication
from lab.golden.node import Node, Nonvolatile
from lab.golden.policy import Policy
from zigbee import aps, nwk, zdp
from zigbee.types import Eui64

NODE, OTHER = Eui64(0xC0), Eui64(0xD0)
SUCCESS, TABLE_FULL = 0x00, 0x8C
PRICE = 0x0700


class Small(Policy):
    """The fault of SD-07."""

    def bindings_held(self) -> int:
        return 2


def asked(node: Node, name: str, sequence: int, **fields: Any) -> dict[str, Any]:
    """Give the node a ZDP request of another node; the fields of its answer."""
    request = zdp.build(name, sequence, **fields)
    sent: list[zdp.Message] = []

    def keep(frame: aps.ApsFrame) -> None:
        sent.append(zdp.parse(frame.cluster or 0, frame.payload))

    tap = node.tap("aps", "out", keep)
    frame = aps.ApsFrame(aps.ApsType.DATA, 1, cluster=request.cluster, payload=request.to_bytes())
    carrier = nwk.NwkFrame(nwk.NwkType.DATA, 0x0000, 0x2222, radius=5, sequence=1)
    node.zdo.received(Indication(frame, carrier, None, None))
    node.untap(tap)
    assert sent[0].sequence == sequence
    return sent[0].fields


def bind(node: Node, endpoint: int) -> int:
    """Ask the node to bind its price server to an endpoint of another; the status it answers."""
    fields = asked(
        node,
        "Bind_req",
        endpoint,
        SrcAddress=NODE,
        SrcEndpoint=1,
        ClusterID=PRICE,
        DstAddrMode=0x03,
        DstAddress=OTHER,
        DstEndpoint=endpoint,
    )
    return int(fields["Status"])


def test_a_table_with_room_for_five_devices_on_three_services() -> None:
    node = Node(NODE, rng=random.Random(1))
    assert [bind(node, number) for number in range(1, 16)] == [SUCCESS] * 15


def test_a_binding_that_is_held_is_no_new_one() -> None:
    node = Node(NODE, rng=random.Random(1))
    assert [bind(node, 1), bind(node, 1)] == [SUCCESS, SUCCESS]
    assert len(node.zdo.bindings) == 1


def test_a_full_table_says_so_and_still_knows_what_it_holds() -> None:
    node = Node(NODE, rng=random.Random(1), policy=Small())
    assert [bind(node, number) for number in (1, 2, 3, 1)] == [
        SUCCESS,
        SUCCESS,
        TABLE_FULL,
        SUCCESS,
    ]


def test_bindings_outlive_a_loss_of_power_and_no_network() -> None:
    memory = Nonvolatile()
    bind(Node(NODE, rng=random.Random(1), nvm=memory), 1)
    again = Node(NODE, rng=random.Random(1), nvm=memory)
    assert len(again.zdo.bindings) == 1
    again.zdo.forget_bindings()
    assert not Node(NODE, rng=random.Random(1), nvm=memory).zdo.bindings
