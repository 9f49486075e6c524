"""Neighbours, routes and bindings of a node as its device object tells them (053474 2.4.4.3).

Each function gives the entries of a table, in the fields of its management response.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lab.golden.node import Node

__all__ = ["BINDING", "bindings", "neighbors", "routes"]

#: A binding as it is kept: these fields of its Bind request, in this order.
BINDING = ("SrcAddress", "SrcEndpoint", "ClusterID", "DstAddress", "DstEndpoint", "GroupAddress")
TO_GROUP, TO_DEVICE = 0x01, 0x03
COORDINATOR, ROUTER, END_DEVICE = 0, 1, 2
PARENT, CHILD, SIBLING = 0, 1, 2
#: Of a neighbour it is not known whether joining is open there.
PERMIT_UNKNOWN = 2
GOOD_LINK = 255


def neighbors(node: Node) -> list[dict[str, Any]]:
    """The neighbours that were heard and whose EUI-64 is known, and the children."""
    network = node.nwk
    heard = sorted({*network.neighbors, *network.children})
    return [_neighbor(node, short) for short in heard if network.eui_of(short) is not None]


def _neighbor(node: Node, short: int) -> dict[str, Any]:
    network = node.nwk
    child, parent = short in network.children, short == network.routing.parent
    kind = END_DEVICE if child else COORDINATOR if short == 0 else ROUTER
    relation = CHILD if child else PARENT if parent else SIBLING
    listens = network.children.get(short, True)
    return {
        "ExtendedPANId": network.extended_pan,
        "ExtendedAddress": network.eui_of(short),
        "NetworkAddress": short,
        "Type": kind | listens << 2 | relation << 4,
        "PermitJoining": PERMIT_UNKNOWN,
        "Depth": 0 if short == 0 else max(0, network.depth + child - parent),
        "LQI": GOOD_LINK,
    }


def routes(node: Node) -> list[dict[str, Any]]:
    """The routes in use (status 0: active)."""
    return [
        {"DestinationAddress": destination, "RouteStatus": 0, "NextHopAddress": hop}
        for destination, hop in sorted(node.nwk.routes.items())
    ]


def bindings(held: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """The bindings that others asked for here."""
    entries = []
    for one in held:
        fields = {
            name: value for name, value in zip(BINDING, one, strict=True) if value is not None
        }
        mode = TO_GROUP if "GroupAddress" in fields else TO_DEVICE
        entries.append({**fields, "DstAddrMode": mode})
    return entries
