"""A simulated ESI with a second network, on a radio of its own: sub-metering (075356 5.5.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drivers.radio import Radio
from lab.golden.clusters import basic_server
from lab.golden.node import Node, Nonvolatile
from lab.golden.nwk_layer import is_broadcast
from lab.golden.registrar import Registrar
from lab.golden.zcl_layer import Endpoint
from lab.units.host import NodeHost
from lab.virtual.device import ENDPOINT, Lines
from lab.virtual.esi import SimulatedEsi
from zigbee import nwk
from zigbee.types import Eui64

__all__ = ["SimulatedTwoNetworkEsi", "SubNetwork"]


class SubNetwork:
    """The coordinator of the second network: a node with its own address, memory and keys."""

    def __init__(self, esi: SimulatedEsi, nvm: Nonvolatile, radio: Radio) -> None:
        eui64 = Eui64(esi.eui64 + 1)
        self.node = Node(eui64, rng=esi.random, policy=esi.policy, nvm=nvm)
        endpoint = self.node.zcl.add_endpoint(Endpoint(ENDPOINT, esi.device_id))
        endpoint.serve(basic_server(manufacturer="Bench", model="sub-network"))
        self.registrar = Registrar(self.node)
        self.node.zdo.on_message = self._zdp
        self.host = NodeHost(self.node, radio)
        self.host.start()

    def _zdp(self, message: Any, indication: Any) -> None:
        if message.name == "Device_annce":
            fields = message.fields
            self.registrar.announced(fields["NWKAddr"], Eui64(fields["IEEEAddr"]))


class SimulatedTwoNetworkEsi(SimulatedEsi):
    """An ESI that also is the coordinator of a network that has nothing to do with the home's."""

    model = "se-esi-2"

    def __init__(self, radio: Any, *arguments: Any, **named: Any) -> None:
        self.second_radio = radio.air.attach("dut, second network")
        self.second_radio.receiver_on = False
        self.second_memory = Nonvolatile()
        self.second: SubNetwork | None = None
        super().__init__(radio, *arguments, **named)

    def _build(self) -> None:
        super()._build()
        self.second_radio.receiver_on = True
        self.second = SubNetwork(self, self.second_memory, self.second_radio)
        self.second.registrar.resume()
        self.second.host.pump()
        if self.node is not None and self.policy.bridges_networks():
            self.node.tap("nwk", "in", self._bridge)

    def _die(self) -> None:
        if self.second is not None:
            self.second.host.halt()
            self.second.node.halt()
            self.second = None
        self.second_radio.receiver_on = False
        super()._die()

    def _forget_network(self) -> None:
        super()._forget_network()
        self.second_memory.clear()

    def _bridge(self, frame: nwk.NwkFrame) -> nwk.NwkFrame:
        """Send a broadcast of the home on in the other network; no conformant device does so."""
        second = self.second
        to_all = frame.frame_type == nwk.NwkType.DATA and is_broadcast(frame.dst)
        if to_all and second is not None and second.node.nwk.joined:
            second.host.pump()
            second.node.nwk.send(frame.payload, frame.dst)
            second.host.pump()
        return frame

    # -- console ----------------------------------------------------------------------------

    def commands(self) -> dict[str, Callable[[list[str]], Lines]]:
        """As those of an ESI, and ``subnet ...`` for the second network."""
        return {
            **super().commands(),
            "subnet form": lambda words: self._in_second(
                lambda one: one.form_quietly(int(words[0]), None, self._second_formed)
            ),
            "subnet pjoin": lambda words: self._in_second(lambda one: one.open(int(words[0]))),
            "subnet install-code": lambda words: self._in_second(
                lambda one: one.enter(Eui64.parse(words[0]), bytes.fromhex("".join(words[1:])))
            ),
        }

    def _in_second(self, action: Callable[[Registrar], object]) -> Lines:
        """Order something of the second network's trust center."""
        second = self.second
        if second is None:
            return ["ERROR: no power"]
        second.host.pump()  # the node's clock stood still since it last had something to do
        action(second.registrar)
        second.host.pump()
        return ["OK"]

    def _second_formed(self) -> None:
        if self.second is not None:
            mac = self.second.node.mac
            self.console.say(f"EVENT subnet formed pan=0x{mac.pan:04x} channel={mac.channel}")
