"""What a node tells of its neighbours, routes and bindings (053474 2.4.4.3)."""

from __future__ import annotations

import random
from typing import Any

from lab.golden import management
from lab.golden.node import Node
from zigbee import zdp
from zigbee.types import Eui64

PARENT, CHILD, STRANGER = 0x1234, 0x5678, 0x9ABC


def node() -> Node:
    """A node below a parent, with a sleepy child and a neighbour whose EUI-64 it never saw."""
    one = Node(Eui64(0x02), rng=random.Random(1))
    one.nwk.routing.parent_of = lambda: PARENT
    one.nwk.depth = 2
    one.nwk.extended_pan = Eui64(0xABCD)
    one.nwk.learn(PARENT, Eui64(0x03))
    one.nwk.learn(CHILD, Eui64(0x04))
    one.nwk.neighbors.update({PARENT: 0.0, STRANGER: 0.0})
    one.nwk.children[CHILD] = False
    return one


def test_neighbours_are_told_with_their_part() -> None:
    parent, child = management.neighbors(node())
    assert (parent["ExtendedAddress"], parent["Type"], parent["Depth"]) == (3, 0x05, 1)
    assert (child["ExtendedAddress"], child["Type"], child["Depth"]) == (4, 0x12, 3)


def test_every_table_goes_into_its_response() -> None:
    one = node()
    one.nwk.routes[0x0000] = PARENT
    binds: list[dict[str, Any]] = [
        {"SrcAddress": 2, "SrcEndpoint": 1, "ClusterID": 0x0700, "DstAddress": 9, "DstEndpoint": 3},
        {"SrcAddress": 2, "SrcEndpoint": 1, "ClusterID": 0x0006, "GroupAddress": 7},
    ]
    held = [tuple(fields.get(name) for name in management.BINDING) for fields in binds]
    tables = {
        "Lqi": ("Neighbor", management.neighbors(one)),
        "Rtg": ("Routing", management.routes(one)),
        "Bind": ("Binding", management.bindings(held)),
    }
    for name, (table, entries) in tables.items():
        assert entries
        fields = {f"{table}TableEntries": len(entries), f"{table}TableList": entries}
        built = zdp.build(f"Mgmt_{name}_rsp", 1, Status=0, StartIndex=0, **fields)
        assert zdp.parse(built.cluster, built.to_bytes()).fields[f"{table}TableList"] == entries
