"""Which neighbour a frame goes to next: routes, their discovery, source routes (053474 3.6.3).

An end device sends everything through its parent. A router sends straight to whom it has heard,
along a route to whom it has one to, and asks the network for a route to everybody else; the frames
wait meanwhile. Only a node that has joined through a parent asks: a coordinator has none and takes
everybody that it has no route to for a neighbour. Addresses are short ones; times are seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from zigbee import nwk
from zigbee.types import Address, Eui64

if TYPE_CHECKING:
    from lab.golden.nwk_layer import NwkLayer

__all__ = ["Routing"]

#: How long a route reply is waited for, seconds, and how often it is asked for.
DISCOVERY_WAIT = 1.0
DISCOVERY_TRIES = 3
#: Frames that wait for one route; more are given up.
WAITING_MOST = 8
MAX_COST = 0xFF

Done = Callable[[str, bool], None]


@dataclass(slots=True)
class Discovery:
    """A route that is being asked for, and what waits for it."""

    identifier: int
    tries: int = 0
    waiting: list[tuple[nwk.NwkFrame, Done | None]] = field(default_factory=list)


class Routing:
    """The routing table of a node and how it comes about."""

    def __init__(self, layer: NwkLayer) -> None:
        self.layer = layer
        self.node = layer.node
        #: gives the short address of the parent that this node joined through
        self.parent_of: Callable[[], Address] | None = None
        #: concentrators, and whether they want a route record before data (3.4.1.3.1)
        self.concentrators: dict[int, bool] = {}
        #: called with (originator, relays from it to here) when a route record came for this node
        self.on_record: Callable[[int, list[int]], None] | None = None
        self._identifier = 0
        self._discoveries: dict[int, Discovery] = {}

    def restart(self) -> None:
        """Forget what is held in memory only."""
        self.concentrators.clear()
        self._discoveries.clear()

    @property
    def parent(self) -> int | None:
        """The parent's short address; ``None`` for who has none."""
        address = self.parent_of() if self.parent_of is not None else None
        known = address is not None and not isinstance(address, Eui64) and address < 0xFFF8
        return int(address) if known and address is not None else None

    # -- out --------------------------------------------------------------------------------

    def next_hop(self, dst: int) -> int:
        """The neighbour to send a unicast frame to."""
        parent = self.parent
        if not self.node.router and parent is not None:
            return parent
        return self.layer.routes.get(dst, dst)

    def must_discover(self, dst: int) -> bool:
        """Whether a route to ``dst`` has to be asked for first."""
        parent = self.parent
        if parent is None or not self.node.router or not self.layer.joined:
            return False
        layer = self.layer
        return dst not in (parent, layer.short) and not (
            dst in layer.routes or dst in layer.neighbors or dst in layer.children
        )

    def discover(self, frame: nwk.NwkFrame, done: Done | None) -> None:
        """Keep ``frame`` until there is a route to its destination (3.6.3.5)."""
        discovery = self._discoveries.get(frame.dst)
        if discovery is None:
            self._identifier = (self._identifier + 1) & 0xFF
            discovery = self._discoveries[frame.dst] = Discovery(self._identifier)
            self._ask(frame.dst, discovery)
        if len(discovery.waiting) < WAITING_MOST:
            discovery.waiting.append((frame, done))

    def _ask(self, dst: int, discovery: Discovery) -> None:
        if self._discoveries.get(dst) is not discovery:
            return
        if discovery.tries == DISCOVERY_TRIES:
            del self._discoveries[dst]
            for _, done in discovery.waiting:
                if done is not None:
                    done("no_route", False)
            return
        discovery.tries += 1
        request = nwk.RouteRequest(discovery.identifier, dst)
        self.layer.send_command(request, nwk.BROADCAST_ROUTERS, radius=self.layer.max_radius)
        self.node.after(DISCOVERY_WAIT, lambda: self._ask(dst, discovery))

    def found(self, dst: int, through: int) -> None:
        """There is a route to ``dst`` now; what waited for it goes out."""
        self.layer.routes[dst] = through
        discovery = self._discoveries.pop(dst, None)
        for frame, done in discovery.waiting if discovery is not None else ():
            self.layer.send_frame(frame, done=done)

    def failed(self, dst: int) -> None:
        """A neighbour did not take a frame for ``dst``: the route is no good (3.6.3.7)."""
        self.layer.routes.pop(dst, None)

    def record(self, dst: int) -> None:
        """Tell a concentrator the way back before data goes to it (3.6.3.5.4)."""
        if self.concentrators.get(dst) and self.node.policy.records_route():
            self.layer.send_command(nwk.RouteRecord([]), dst, radius=self.layer.max_radius)

    # -- in ---------------------------------------------------------------------------------

    def requested(self, request: nwk.RouteRequest, frame: nwk.NwkFrame, sender: Address) -> None:
        """A route request came: note the way back, answer it or pass it on."""
        if isinstance(sender, Eui64) or not self.node.router:
            return
        layer = self.layer
        if request.many_to_one or sender != frame.src:
            layer.routes[frame.src] = sender
        else:
            layer.routes.pop(frame.src, None)
        if request.many_to_one:
            self.concentrators[frame.src] = request.many_to_one == 1
        elif request.destination == layer.short or request.destination in layer.children:
            self._reply(request, frame.src, sender)
            return
        if frame.radius > 1 and request.cost < MAX_COST - 1:
            onward = replace(request, cost=request.cost + 1).to_bytes()
            layer.relay(replace(frame, radius=frame.radius - 1, payload=onward, aux=None))

    def _reply(self, request: nwk.RouteRequest, originator: int, sender: int) -> None:
        reply = nwk.RouteReply(request.identifier, originator, request.destination, cost=1)
        self._send_reply(reply, sender)

    def _send_reply(self, reply: nwk.RouteReply, neighbor: int) -> None:
        radius = self.layer.max_radius
        self.layer.send_command(reply, neighbor, radius=radius, next_hop=neighbor)

    def replied(self, reply: nwk.RouteReply, sender: Address) -> None:
        """A route reply came: keep the route, and pass the reply on unless it was for us."""
        if isinstance(sender, Eui64):
            return
        if reply.originator == self.layer.short:
            self.found(reply.responder, sender)
            return
        back = self.layer.routes.get(reply.originator, reply.originator)
        self.layer.routes[reply.responder] = sender
        onward = replace(reply, cost=min(reply.cost + 1, MAX_COST))
        self._send_reply(onward, back)

    def passed_on(self, frame: nwk.NwkFrame) -> tuple[nwk.NwkFrame, int | None] | None:
        """What a router sends on in place of ``frame``, and to whom if the frame says so itself.

        ``None`` if it must not be passed on: its radius is spent, or its source route does not
        lead through here.
        """
        if frame.radius <= 1:
            return None
        out = replace(frame, radius=frame.radius - 1, aux=None)
        if frame.frame_type == nwk.NwkType.COMMAND and frame.payload[:1] == b"\x05":
            record = nwk.RouteRecord.from_bytes(frame.payload)
            out.payload = nwk.RouteRecord([*record.relays, self.layer.short]).to_bytes()
        if frame.source_route is None:
            return out, None
        return self._along(out, frame.source_route)

    def _along(
        self, out: nwk.NwkFrame, route: nwk.SourceRoute
    ) -> tuple[nwk.NwkFrame, int | None] | None:
        """Follow a source route: relays are listed nearest to the destination first (3.6.3.3.2)."""
        here = route.index < len(route.relays) and route.relays[route.index] == self.layer.short
        if not here:
            return None
        if route.index == 0:
            return out, out.dst
        stepped = self.node.policy.next_relay_index(route.index)
        out.source_route = nwk.SourceRoute(stepped, list(route.relays))
        return out, route.relays[route.index - 1]
