"""The device object of a node: ZDP requests answered and sent (053474 2.4, 2.5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lab.golden import management
from zigbee import nwk, zdp
from zigbee.errors import CodecError
from zigbee.types import Eui64

if TYPE_CHECKING:
    from lab.golden.aps_layer import Indication
    from lab.golden.node import Node

__all__ = ["Zdo"]

SUCCESS = 0x00
INVALID_ENDPOINT = 0x82
NOT_ACTIVE = 0x83
NOT_SUPPORTED = 0x84
DEVICE_NOT_FOUND = 0x81
NO_ENTRY = 0x88
TABLE_FULL = 0x8C
#: apsAckPolicy of this stack: ZDP requests ask for an APS acknowledgement unless broadcast.
RESPONSE = 0x8000
COORDINATOR, ROUTER, END_DEVICE = 0, 1, 2


class Zdo:
    """Endpoint 0: descriptors, matches, bindings, announcements."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.sequence = node.random.randrange(256)
        self.manufacturer_code = 0x1234
        self.server_mask = 0
        self.bindings: list[tuple[Any, ...]] = list(node.nvm.get("bindings", []))
        #: called with (message, indication) for every ZDP message that came in
        self.on_message: Callable[[zdp.Message, Indication], None] | None = None
        #: called with (EUI-64 or 0, options, indication); answers Mgmt_Leave_req
        self.on_leave: Callable[[Eui64, int, Indication], int] | None = None
        #: called with the duration in seconds of a Mgmt_Permit_Joining_req
        self.on_permit: Callable[[int], None] | None = None
        #: called with (message, indication); answers Mgmt_NWK_Update_req
        self.on_network_update: Callable[[zdp.Message, Indication], None] | None = None
        #: called with (short address, EUI-64) of each Device_annce
        self.on_announce: Callable[[int, Eui64], None] | None = None
        self._expected: dict[tuple[int, int], Callable[[zdp.Message], None]] = {}

    def restart(self) -> None:
        """Forget what is held in memory only."""
        self._expected.clear()

    def _save_bindings(self) -> None:
        self.node.nvm.put("bindings", list(self.bindings))

    def forget_bindings(self) -> None:
        """Empty the binding table: the network is another, or none."""
        self.bindings.clear()
        self._save_bindings()

    # -- out --------------------------------------------------------------------------------

    def send(
        self,
        name: str,
        dst: int,
        *,
        sequence: int | None = None,
        answer: Callable[[zdp.Message], None] | None = None,
        ack: bool = True,
        secure: bool = False,
        **fields: Any,
    ) -> None:
        """Send a ZDP message; ``answer`` gets the response with the same sequence number."""
        if sequence is None:
            self.sequence = sequence = (self.sequence + 1) & 0xFF
        message = zdp.build(name, sequence, **fields)
        if answer is not None:
            self._expected[(message.cluster | RESPONSE, sequence)] = answer
        self.node.aps.send(
            message.to_bytes(),
            dst,
            cluster=message.cluster,
            profile=0,
            dst_endpoint=0,
            src_endpoint=0,
            ack=ack,
            secure=secure,
        )

    def announce(self) -> None:
        """Broadcast Device_annce (2.4.3.1.11)."""
        self.send(
            "Device_annce",
            nwk.BROADCAST_RX_ON,
            NWKAddr=self.node.mac.short,
            IEEEAddr=self.node.eui64,
            Capability=self.capability,
        )

    @property
    def capability(self) -> int:
        """The MAC capability field: mains powered, receiver on, router or not; or on a battery."""
        if self.node.mac.polls:
            return 0x80
        return 0x8E if self.node.router else 0x8C

    # -- in ---------------------------------------------------------------------------------

    def received(self, indication: Indication) -> None:
        """Take in an APS data frame to endpoint 0."""
        frame = indication.frame
        try:
            message = zdp.parse(frame.cluster or 0, frame.payload)
        except (CodecError, LookupError):
            self._unknown(indication)
            return
        if self.on_message is not None:
            self.on_message(message, indication)
        if message.cluster & RESPONSE:
            callback = self._expected.pop((message.cluster, message.sequence), None)
            if callback is not None:
                callback(message)
            return
        handler = getattr(self, "_" + message.name.lower(), None)
        if handler is not None:
            handler(message, indication)
        else:
            self._refuse(message, indication)

    def _unknown(self, indication: Indication) -> None:
        """A request that cannot be read or is not known gets NOT_SUPPORTED, if unicast."""
        frame = indication.frame
        if indication.broadcast or (frame.cluster or 0) & RESPONSE or not frame.payload:
            return
        octets = bytes([frame.payload[0], NOT_SUPPORTED])
        self._send_raw(octets, (frame.cluster or 0) | RESPONSE, indication.nwk.src)

    def _refuse(self, message: zdp.Message, indication: Indication) -> None:
        if not indication.broadcast:
            octets = bytes([message.sequence, NOT_SUPPORTED])
            self._send_raw(octets, message.cluster | RESPONSE, indication.nwk.src)

    def _send_raw(self, octets: bytes, cluster: int, dst: int) -> None:
        self.node.aps.send(octets, dst, cluster=cluster, profile=0, dst_endpoint=0, src_endpoint=0)

    def _answer(
        self, name: str, message: zdp.Message, indication: Indication, **fields: Any
    ) -> None:
        self.send(name, indication.nwk.src, sequence=message.sequence, **fields)

    def _is_me(self, message: zdp.Message) -> bool:
        return bool(message.fields["NWKAddrOfInterest"] == self.node.mac.short)

    # -- requests ---------------------------------------------------------------------------

    def _nwk_addr_req(self, message: zdp.Message, indication: Indication) -> None:
        if message.fields["IEEEAddr"] == self.node.eui64:
            self._answer_addresses("NWK_addr_rsp", message, indication)

    def _ieee_addr_req(self, message: zdp.Message, indication: Indication) -> None:
        if self._is_me(message):
            self._answer_addresses("IEEE_addr_rsp", message, indication)

    def _answer_addresses(self, name: str, message: zdp.Message, indication: Indication) -> None:
        self._answer(
            name,
            message,
            indication,
            Status=SUCCESS,
            IEEEAddr=self.node.eui64,
            NWKAddr=self.node.mac.short,
        )

    def _node_desc_req(self, message: zdp.Message, indication: Indication) -> None:
        me = self._is_me(message)
        fields: dict[str, Any] = {"NodeDescriptor": self.node_descriptor()} if me else {}
        self._answer(
            "Node_Desc_rsp",
            message,
            indication,
            Status=SUCCESS if me else DEVICE_NOT_FOUND,
            NWKAddrOfInterest=message.fields["NWKAddrOfInterest"],
            **fields,
        )

    def node_descriptor(self) -> bytes:
        """The 13-octet node descriptor (2.3.2.3)."""
        kind = END_DEVICE if not self.node.router else ROUTER
        if self.node.mac.short == 0:
            kind = COORDINATOR
        kind = self.node.policy.logical_type(kind)
        return (
            bytes([kind, 0x40, self.capability])
            + self.manufacturer_code.to_bytes(2, "little")
            + bytes([0x52])
            + (128).to_bytes(2, "little")
            + self.server_mask.to_bytes(2, "little")
            + (128).to_bytes(2, "little")
            + b"\x00"
        )

    def _power_desc_req(self, message: zdp.Message, indication: Indication) -> None:
        me = self._is_me(message)
        fields: dict[str, Any] = {"PowerDescriptor": bytes([0x10, 0xC1])} if me else {}
        self._answer(
            "Power_Desc_rsp",
            message,
            indication,
            Status=SUCCESS if me else DEVICE_NOT_FOUND,
            NWKAddrOfInterest=message.fields["NWKAddrOfInterest"],
            **fields,
        )

    def _active_ep_req(self, message: zdp.Message, indication: Indication) -> None:
        self._answer(
            "Active_EP_rsp",
            message,
            indication,
            Status=SUCCESS,
            NWKAddrOfInterest=self.node.mac.short,
            ActiveEPList=sorted(self.node.zcl.endpoints),
        )

    def _simple_desc_req(self, message: zdp.Message, indication: Indication) -> None:
        number = message.fields["EndPoint"]
        endpoint = self.node.zcl.endpoints.get(number)
        if endpoint is None:
            status = NOT_ACTIVE if 1 <= number <= 240 else INVALID_ENDPOINT
            fields: dict[str, Any] = {"Status": status}
        else:
            listed = self.node.policy.clusters_listed(tuple(sorted(endpoint.servers)))
            descriptor = {
                "Endpoint": number,
                "ProfileID": endpoint.profile,
                "DeviceID": endpoint.device_id,
                "DeviceVersion": endpoint.version,
                "InputClusters": list(listed),
                "OutputClusters": sorted(endpoint.clients),
            }
            fields = {"Status": SUCCESS, "SimpleDescriptor": descriptor}
        self._answer(
            "Simple_Desc_rsp",
            message,
            indication,
            NWKAddrOfInterest=self.node.mac.short,
            **fields,
        )

    def _match_desc_req(self, message: zdp.Message, indication: Indication) -> None:
        asked_in = set(message.fields["InClusterList"])
        asked_out = set(message.fields["OutClusterList"])
        matches = [
            number
            for number, endpoint in sorted(self.node.zcl.endpoints.items())
            if endpoint.profile == message.fields["ProfileID"]
            and (
                asked_in & set(self.node.policy.clusters_listed(tuple(endpoint.servers)))
                or asked_out & set(endpoint.clients)
            )
        ]
        if indication.broadcast and not matches:
            return
        self._answer(
            "Match_Desc_rsp",
            message,
            indication,
            Status=SUCCESS,
            NWKAddrOfInterest=self.node.mac.short,
            MatchList=matches,
        )

    def _bind_req(self, message: zdp.Message, indication: Indication) -> None:
        fields = message.fields
        entry = binding(fields)
        full = len(self.bindings) >= self.node.policy.bindings_held()
        if entry not in self.bindings and not full:
            self.bindings.append(entry)
            self._save_bindings()
        status = SUCCESS if entry in self.bindings else TABLE_FULL
        self._answer("Bind_rsp", message, indication, Status=status)

    def _unbind_req(self, message: zdp.Message, indication: Indication) -> None:
        fields = message.fields
        entry = binding(fields)
        held = entry in self.bindings
        if held:
            self.bindings.remove(entry)
            self._save_bindings()
        status = SUCCESS if held else NO_ENTRY
        self._answer("Unbind_rsp", message, indication, Status=status)

    def _mgmt_lqi_req(self, message: zdp.Message, indication: Indication) -> None:
        self._answer_table("Neighbor", management.neighbors(self.node), 2, message, indication)

    def _mgmt_rtg_req(self, message: zdp.Message, indication: Indication) -> None:
        self._answer_table("Routing", management.routes(self.node), 8, message, indication)

    def _mgmt_bind_req(self, message: zdp.Message, indication: Indication) -> None:
        held = management.bindings(self.bindings)
        self._answer_table("Binding", held, 2, message, indication)

    def _answer_table(
        self,
        table: str,
        entries: list[dict[str, Any]],
        most: int,
        message: zdp.Message,
        indication: Indication,
    ) -> None:
        """Answer with at most ``most`` entries from the index asked for (2.4.4.3)."""
        start = message.fields["StartIndex"]
        fields: dict[str, Any] = {
            f"{table}TableEntries": len(entries),
            "StartIndex": start,
            f"{table}TableList": entries[start : start + most],
        }
        name = message.name.replace("_req", "_rsp")
        self._answer(name, message, indication, Status=SUCCESS, **fields)

    def _mgmt_leave_req(self, message: zdp.Message, indication: Indication) -> None:
        status = NOT_SUPPORTED
        if self.on_leave is not None:
            address = message.fields["DeviceAddress"]
            status = self.on_leave(Eui64(address), message.fields["Options"], indication)
        self._answer("Mgmt_Leave_rsp", message, indication, Status=status)

    def _mgmt_permit_joining_req(self, message: zdp.Message, indication: Indication) -> None:
        if self.on_permit is not None:
            self.on_permit(message.fields["PermitDuration"])
        if not indication.broadcast:
            self._answer("Mgmt_Permit_Joining_rsp", message, indication, Status=SUCCESS)

    def _mgmt_nwk_update_req(self, message: zdp.Message, indication: Indication) -> None:
        if self.on_network_update is not None:
            self.on_network_update(message, indication)
        else:
            self._refuse(message, indication)

    def _device_annce(self, message: zdp.Message, indication: Indication) -> None:
        short, eui64 = message.fields["NWKAddr"], Eui64(message.fields["IEEEAddr"])
        self.node.nwk.learn(short, eui64)
        if self.on_announce is not None:
            self.on_announce(short, eui64)


def binding(fields: dict[str, Any]) -> tuple[Any, ...]:
    """What a Bind or Unbind request names, as it is kept in the table."""
    return tuple(fields.get(name) for name in management.BINDING)
