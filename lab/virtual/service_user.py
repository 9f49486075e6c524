"""What simulated devices do that use the ESI's services: find them, bind to them, keep the time."""

from __future__ import annotations

from typing import ClassVar

from lab.golden.clusters import TIME
from lab.golden.node import Node
from lab.golden.zcl_layer import Cluster, Endpoint, Request
from lab.virtual.device import ENDPOINT, SimulatedDevice
from lab.virtual.peers import Peers
from zigbee import zcl
from zigbee.zcl import ZclFrame, general

__all__ = ["ServiceUser"]

TRUST_CENTER = 0x0000
#: How often the time is read again, seconds (5.11).
TIME_PERIOD = 6 * 3600.0


class ServiceUser(SimulatedDevice):
    """A device with a Time client, and clients of further ``services`` (cluster ids) of the ESI."""

    services: tuple[int, ...] = ()
    #: the device's own endpoint for a service, where it is not the first
    own_endpoints: ClassVar[dict[int, int]] = {}

    def applications(self, node: Node, endpoint: Endpoint) -> None:
        """The Time client; subclasses add those of their services."""
        self.clock_offset: float | None = None
        self.esi_endpoints: dict[int, int] = {}
        endpoint.use(Cluster(TIME))
        self.peers = Peers(node, self.partner_keys, self.services, self.own_endpoints)
        node.zcl.on_request = self._heard
        self.console.commands["plugin time print"] = lambda words: [f"utc: {self.utc()}", "OK"]

    def service_found(self, cluster: int) -> None:
        """Act once the ESI's server of a service is known and bound to."""

    def time_changed(self) -> None:
        """Act once the ESI's time was read."""

    def utc(self) -> int:
        """UTC seconds since 2000-01-01; counts from boot until the ESI's time is known."""
        node = self.node
        if node is None:
            return 0
        return int(node.now + (self.clock_offset or 0.0))

    # -- commissioning ----------------------------------------------------------------------

    def in_service(self) -> None:
        """Find the ESI's servers, bind, read the time."""
        for cluster in self.policy.services_looked_for((TIME, *self.services)):
            self._discover(cluster)
        self.peers.round()
        if self.node is not None:
            self.node.after(self.policy.rediscovery_in(self.random), self.in_service)

    def _discover(self, cluster: int) -> None:
        def answered(message: object) -> None:
            endpoints = getattr(message, "fields", {}).get("MatchList", ())
            if endpoints:
                self.esi_endpoints[cluster] = endpoints[0]
                self._found(cluster)
            else:
                self.peers.refused = True

        if self.node is not None:
            self.node.zdo.send(
                "Match_Desc_req",
                TRUST_CENTER,
                answer=answered,
                NWKAddrOfInterest=TRUST_CENTER,
                ProfileID=0x0109,
                InClusterList=[cluster],
                OutClusterList=[],
            )

    def _found(self, cluster: int) -> None:
        if cluster == TIME:
            self._read_time()
        else:
            self._bind(cluster)
            self.service_found(cluster)

    def _bind(self, cluster: int) -> None:
        node = self.node
        esi = self.joiner.trust_center
        if node is None or esi is None or not self.policy.binds_to_services():
            return
        node.zdo.send(
            "Bind_req",
            TRUST_CENTER,
            SrcAddress=esi,
            SrcEndpoint=self.esi_endpoints[cluster],
            ClusterID=cluster,
            DstAddrMode=0x03,
            DstAddress=node.eui64,
            DstEndpoint=self.own_endpoints.get(cluster, ENDPOINT),
        )

    def send_to_esi(self, frame: ZclFrame, cluster: int) -> None:
        """Send a ZCL frame to the ESI's endpoint of a cluster; nothing while none is known."""
        endpoint = self.esi_endpoints.get(cluster)
        if self.node is not None and endpoint is not None:
            own = self.own_endpoints.get(cluster, ENDPOINT)
            self.node.zcl.send(
                frame, TRUST_CENTER, cluster=cluster, dst_endpoint=endpoint, src_endpoint=own
            )

    # -- time -------------------------------------------------------------------------------

    def _read_time(self) -> None:
        node = self.node
        if node is None:
            return
        frame = ZclFrame(
            cluster_specific=False,
            direction=zcl.Direction.TO_SERVER,
            sequence=node.zcl.next_sequence(),
            command=general.ReadAttributes.COMMAND,
            payload=general.ReadAttributes([0x0000, 0x0001]).to_bytes(),
        )
        self.send_to_esi(frame, TIME)
        node.after(TIME_PERIOD + self.random.uniform(0.0, 300.0), self._read_time)

    def _heard(self, request: Request) -> None:
        """Take the time from the ESI's answer."""
        node, frame = self.node, request.frame
        if node is None or request.indication.frame.cluster != TIME:
            return
        if frame.cluster_specific or frame.command != general.ReadAttributesResponse.COMMAND:
            return
        for record in general.ReadAttributesResponse.from_bytes(frame.payload).records:
            if record.attribute == 0x0000 and record.status == 0 and record.value is not None:
                self.clock_offset = record.value - node.now
                self.time_changed()
