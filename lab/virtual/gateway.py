"""A simulated energy management gateway: a display and a load control device in one, with a network
of the customer's behind it, which the profile knows nothing of (075356 5.1, 5.9).

The customer's side is words on the console: what a device there sends, and what it is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from lab.golden.clusters import basic_server
from lab.golden.drlc import DRLC, DrlcClient, Event
from lab.golden.node import Node
from lab.golden.price import PRICE
from lab.golden.zcl_layer import Endpoint
from lab.virtual.device import ENDPOINT, Lines
from lab.virtual.display import SimulatedDisplay

__all__ = ["SimulatedGateway"]

LOAD_ENDPOINT, LOAD_DEVICE = 2, 0x0504
MISCELLANEOUS_LOAD = 1 << 7
MESSAGING = 0x0703
#: The attributes by which it would move start and end of an event: it moves neither.
SHIFTS = (0x0001, 0x0002)


class SimulatedGateway(SimulatedDisplay):
    """Prices on one endpoint, load control events on another; it alone decides what crosses."""

    model = "se-gateway"
    services = (PRICE, DRLC)
    own_endpoints: ClassVar = {DRLC: LOAD_ENDPOINT}

    def applications(self, node: Node, endpoint: Endpoint) -> None:
        """The clients of a display, and those of a load control device on its endpoint."""
        super().applications(node, endpoint)
        second = node.zcl.add_endpoint(Endpoint(LOAD_ENDPOINT, LOAD_DEVICE))
        second.serve(basic_server(manufacturer="Bench", model=self.model))
        self.event: Event | None = None
        self.load_control = DrlcClient(
            node,
            second,
            self.utc,
            lambda frame: self.send_to_esi(frame, DRLC),
            device_class=MISCELLANEOUS_LOAD,
            rng=self.random,
        )
        for attribute in SHIFTS:
            self.load_control.attributes[attribute].value = 0
        self.load_control.on_load = self._load

    def _load(self, event: Event | None) -> None:
        self.event = event
        self.console.say("EVENT load " + (f"shed id={event.id}" if event else "restored"))

    # -- the customer's side ----------------------------------------------------------------

    def commands(self) -> dict[str, Callable[[list[str]], Lines]]:
        """As those of a display, and ``customer ...`` for the other side."""
        return {
            **super().commands(),
            "customer send": self._customer_send,
            "customer show": self._customer_show,
        }

    def _customer_send(self, words: list[str]) -> Lines:
        """A customer's device sends a message; the gateway has no use for it."""
        if self.node is not None and self.policy.passes_customer_data():
            self.node.aps.send(
                " ".join(words).encode("ascii"),
                0x0000,
                cluster=MESSAGING,
                profile=0x0109,
                dst_endpoint=ENDPOINT,
                src_endpoint=ENDPOINT,
                secure=True,
            )
            self._pump()
        return ["OK"]

    def _customer_show(self, words: list[str]) -> Lines:
        """What the customer's devices are shown: the price, and whether load is to be shed."""
        price = self.price.current()
        shown = "none" if price is None else price.value
        return [f"customer: price={shown} shed={'no' if self.event is None else 'yes'}", "OK"]
