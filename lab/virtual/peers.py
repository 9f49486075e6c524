"""Servers on other nodes than the trust center: found, and used (075356 5.5.5.2, 5.4.7.4).

A node that announces itself is asked for the services after a while of chance, and again at each
round of discovery. One that has any is bound to and read under a partner link key, which the trust
center brokers. Times are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lab.golden.partner_keys import PartnerKeys
from zigbee import zcl
from zigbee.types import Eui64
from zigbee.zcl import ZclFrame, general

if TYPE_CHECKING:
    from lab.golden.node import Node
    from lab.golden.zdo import Zdo

__all__ = ["Peers"]

SE_PROFILE = 0x0109
ENDPOINT = 1


class Peers:
    """The other nodes that a device knows, and the servers on them (endpoints by cluster).

    ``own_endpoints`` are those of the device's clients that are not on its first endpoint.
    """

    def __init__(
        self,
        node: Node,
        partner_keys: PartnerKeys,
        services: tuple[int, ...],
        own_endpoints: Mapping[int, int],
    ) -> None:
        self.node = node
        self.keys = partner_keys
        self.services = services
        self.own_endpoints = own_endpoints
        #: whether a node that was asked had none of the services
        self.refused = False
        self._servers: dict[Eui64, dict[int, int]] = {}
        partner_keys.on_key = self._use
        node.zdo.on_announce = self._announced

    @property
    def _zdo(self) -> Zdo:
        return self.node.zdo

    def _announced(self, short: int, eui64: Eui64) -> None:
        if eui64 in (self.node.eui64, self.keys.trust_center()) or not self.services:
            return
        if self.node.policy.looks_for_other_servers():
            delay = self.node.policy.discovery_delay(self.node.random)
            self.node.after(delay, lambda: self.ask(eui64))

    def round(self) -> None:
        """Ask all nodes that are known once more."""
        for eui64 in tuple(self._servers):
            self.ask(eui64)

    def ask(self, eui64: Eui64) -> None:
        """Ask a node which of the services it has, one question after the other."""
        self._servers.setdefault(eui64, {})
        if not self.refused or self.node.policy.goes_on_after_refusal():
            self._ask_for(eui64, self.services)

    def _ask_for(self, eui64: Eui64, services: tuple[int, ...]) -> None:
        short = self.node.nwk.short_of(eui64)
        if short is None or self.node.aps.keys.get(self.keys.trust_center()) is None:
            return
        if not services:
            self._asked(eui64)
            return

        def answered(message: object) -> None:
            endpoints = getattr(message, "fields", {}).get("MatchList", ())
            if endpoints:
                self._servers[eui64][services[0]] = endpoints[0]
            self._ask_for(eui64, services[1:])

        self._zdo.send(
            "Match_Desc_req",
            short,
            answer=answered,
            NWKAddrOfInterest=short,
            ProfileID=SE_PROFILE,
            InClusterList=[services[0]],
            OutClusterList=[],
        )

    def _asked(self, eui64: Eui64) -> None:
        if not self._servers[eui64]:
            self.refused = True
        elif self.node.aps.keys.get(eui64) is None and self.node.policy.needs_partner_key():
            self.keys.request(eui64)
        else:
            self._use(eui64)

    def _use(self, eui64: Eui64) -> None:
        """Bind to the servers that were found, and read them."""
        short = self.node.nwk.short_of(eui64)
        if short is None:
            return
        for cluster, endpoint in self._servers.get(eui64, {}).items():
            own = self.own_endpoints.get(cluster, ENDPOINT)
            self._zdo.send(
                "Bind_req",
                short,
                SrcAddress=eui64,
                SrcEndpoint=endpoint,
                ClusterID=cluster,
                DstAddrMode=0x03,
                DstAddress=self.node.eui64,
                DstEndpoint=own,
            )
            self.node.zcl.send(
                self._read(),
                short,
                cluster=cluster,
                dst_endpoint=endpoint,
                src_endpoint=own,
                secure=self.node.aps.keys.get(eui64) is not None,
            )

    def _read(self) -> ZclFrame:
        return ZclFrame(
            cluster_specific=False,
            direction=zcl.Direction.TO_SERVER,
            sequence=self.node.zcl.next_sequence(),
            command=general.ReadAttributes.COMMAND,
            payload=general.ReadAttributes([0x0000]).to_bytes(),
        )
