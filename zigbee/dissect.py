"""From a PSDU to named fields: every layer opened and decoded as far as keys and octets allow.

A `Dissector` is fed frames in the order of the air and learns on the way, as a listener must: the
EUI-64 behind a short address (association, rejoin, announcement, headers) and keys (Transport Key).
It holds a bounded amount of memory whatever it is fed, and it never raises.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from zigbee import zcl, zdp
from zigbee.aps import (
    ApsFrame,
    ApsType,
    KeyType,
    TransportKey,
    Tunnel,
    parse_aps_command,
)
from zigbee.errors import CodecError, SecurityError
from zigbee.interpan import InterPanFrame, is_interpan
from zigbee.keyring import AddressBook, KeyRing
from zigbee.mac import AssociationResponse, Beacon, MacFrame, MacType, parse_mac_command
from zigbee.nwk import NwkFrame, NwkType, RejoinResponse, parse_nwk_command
from zigbee.packet import Packet
from zigbee.security import SE_LEVEL, AuxHeader, KeyId, aps_key, unseal
from zigbee.types import Address, Eui64

__all__ = ["AddressBook", "Dissector", "KeyRing", "Packet"]

ZDP_PROFILE = 0x0000
FRAGMENTED_LIMIT = 32
"""Fragmented transmissions followed at a time; the oldest is given up."""

_CONTROL = tuple(bytes((octet,)) for octet in range(256))


class Dissector:
    """Takes frames apart; `keys` is used and, by Transport Keys that could be opened, added to.

    `level` is the network's security level, which no frame carries (5 in Smart Energy).
    """

    def __init__(self, keys: KeyRing | None = None, *, level: int = SE_LEVEL) -> None:
        self.keys = KeyRing() if keys is None else keys
        self.addresses = AddressBook()
        self.level = level
        self._fragments: OrderedDict[tuple[int | None, ...], dict[int, bytes]] = OrderedDict()

    def dissect(self, psdu: bytes, time: float = 0.0) -> Packet:
        """The frame in `psdu` (without FCS), received at `time` seconds. Never raises.

        What stopped it is in the packet's `error`, and what was left in `undecoded`.
        """
        psdu = bytes(psdu)
        packet = Packet(time, psdu, undecoded=psdu)
        try:
            self._mac(packet)
        except CodecError as error:
            packet.error = error
        return packet

    def _mac(self, packet: Packet) -> None:
        mac = packet.mac = MacFrame.from_bytes(packet.octets)
        payload = packet.undecoded = mac.payload
        if mac.security:
            raise SecurityError("mac", "security", 0, "ZigBee does not use MAC security")
        if mac.frame_type == MacType.DATA:
            if is_interpan(payload):
                self._interpan(packet, payload)
            elif payload:
                self._nwk(packet, mac, payload)
            return
        if mac.frame_type == MacType.COMMAND:
            command = packet.mac_command = parse_mac_command(payload)
            if isinstance(command, AssociationResponse) and isinstance(mac.dst, Eui64):
                self.addresses.learn(mac.dst_pan, command.short, mac.dst)
        elif mac.frame_type == MacType.BEACON:
            packet.beacon = Beacon.from_bytes(payload)
        elif payload:
            raise CodecError("mac", "payload", 3, "an acknowledgement has no payload")
        packet.undecoded = b""

    def _interpan(self, packet: Packet, payload: bytes) -> None:
        frame = packet.interpan = InterPanFrame.from_bytes(payload)
        packet.undecoded = frame.payload
        self._zcl(packet, frame.payload, frame.cluster)

    def _nwk(self, packet: Packet, mac: MacFrame, octets: bytes) -> None:
        nwk = packet.nwk = NwkFrame.from_bytes(octets)
        packet.undecoded = nwk.payload
        pan = mac.dst_pan
        aux = nwk.aux
        if aux is not None:
            hop = mac.src
            sources = self._hops(pan, hop) if aux.source is None else (aux.source,)
            keys = self.keys.network_keys(aux.key_sequence)
            nwk.payload, packet.nwk_key, source = self._open("nwk", octets, nwk, sources, keys)
            packet.nwk_opened = True
            if packet.nwk_key != keys[0]:
                self.keys.network_key_opened(aux.key_sequence, packet.nwk_key)
            packet.undecoded = nwk.payload
            if hop is not None and not isinstance(hop, Eui64):
                self.addresses.learn(pan, hop, source)
            if nwk.src_eui is not None:
                self.addresses.learn(pan, nwk.src, nwk.src_eui)
        if nwk.frame_type == NwkType.COMMAND:
            command = packet.nwk_command = parse_nwk_command(nwk.payload)
            packet.undecoded = b""
            if isinstance(command, RejoinResponse) and nwk.dst_eui is not None:
                self.addresses.learn(pan, command.short, nwk.dst_eui)
        else:
            self._aps(packet, pan, nwk)

    def _hops(self, pan: int | None, hop: Address | None) -> tuple[Eui64, ...]:
        """The EUI-64s that the device which sent the MAC frame may have."""
        if hop is None or isinstance(hop, Eui64):
            return () if hop is None else (hop,)
        return self.addresses.candidates(pan, hop)

    def _open(
        self,
        layer: str,
        octets: bytes,
        frame: NwkFrame | ApsFrame,
        sources: Iterable[Eui64],
        keys: Iterable[bytes],
    ) -> tuple[bytes, bytes, Eui64]:
        """The payload of a secured layer in the clear, the key and the source that opened it.

        `octets` are the layer's own, as received: what they hold is authenticated, not what our
        encoder would make of it. Raises `SecurityError` when no key and source fit.
        """
        aux = frame.aux
        if aux is None:
            raise SecurityError(layer, "aux", 0, "the frame is not secured")
        sealed = frame.payload
        end = len(octets) - len(sealed)
        at = end - _aux_length(aux)
        control = _CONTROL[octets[at] & 0xF8 | self.level]
        aad = octets[:at] + control + octets[at + 1 : end]
        tail = octets[at + 1 : at + 5] + control
        tried = 0
        for source in sources:
            nonce = source.to_le() + tail
            for key in keys:
                tried += 1
                derived = key if layer == "nwk" else aps_key(key, aux.key_id)
                try:
                    return unseal(derived, nonce, sealed, aad, self.level), key, source
                except SecurityError:
                    continue
        reason = f"none of {tried} keys opens it" if tried else "no key or no sender is known"
        raise SecurityError(layer, "mic", end, reason)

    def _aps(self, packet: Packet, pan: int | None, nwk: NwkFrame) -> None:
        aps = packet.aps = ApsFrame.from_bytes(nwk.payload)
        packet.undecoded = aps.payload
        if aps.aux is not None:
            opened = self._open_aps(aps, nwk.payload, pan, nwk)
            aps.payload, packet.aps_key, _ = opened
            packet.aps_opened = True
            packet.undecoded = aps.payload
        if aps.frame_type == ApsType.COMMAND:
            command = packet.aps_command = parse_aps_command(aps.payload)
            packet.undecoded = b""
            if isinstance(command, Tunnel):
                self._tunnel(packet, command, pan, nwk)
            elif isinstance(command, TransportKey) and (packet.aps_opened or packet.nwk_opened):
                self._learn_key(command)  # a broadcast has NWK security alone (053474, 4.4.3.2)
        elif aps.frame_type == ApsType.ACK:
            if aps.payload:
                raise CodecError("aps", "payload", 0, "an acknowledgement has no payload")
        elif aps.extended is not None and aps.extended.fragmentation:
            self._fragment(packet, pan, nwk, aps)
        else:
            self._asdu(packet, pan, aps, aps.payload)

    def _open_aps(
        self, aps: ApsFrame, octets: bytes, pan: int | None, nwk: NwkFrame
    ) -> tuple[bytes, bytes, Eui64]:
        aux = aps.aux
        if aux is None:
            raise SecurityError("aps", "aux", 0, "the frame is not secured")
        if aux.source is not None:
            sources: tuple[Eui64, ...] = (aux.source,)
        else:
            sources = self.addresses.candidates(pan, nwk.src)
            if nwk.src_eui is not None and nwk.src_eui not in sources:
                sources = (nwk.src_eui, *sources)
        if aux.key_id == KeyId.NETWORK:
            keys = self.keys.network_keys(aux.key_sequence)
            return self._open("aps", octets, aps, sources, keys)
        targets = self.addresses.candidates(pan, nwk.dst)
        pair = frozenset((sources[0], targets[0])) if sources and targets else None
        keys = self.keys.link_keys(pair)
        payload, key, source = self._open("aps", octets, aps, sources, keys)
        if key != keys[0]:
            self.keys.link_key_opened(pair, key)
        if nwk.security:
            self.addresses.learn(pan, nwk.src, source)
        return payload, key, source

    def _tunnel(self, packet: Packet, tunnel: Tunnel, pan: int | None, nwk: NwkFrame) -> None:
        """Opens what a Tunnel carries to the joiner, which is an APS command of its own."""
        packet.undecoded = tunnel.frame
        inner = packet.tunnelled = ApsFrame.from_bytes(tunnel.frame)
        packet.undecoded = inner.payload
        if inner.aux is not None:
            inner.payload, packet.aps_key, _ = self._open_aps(inner, tunnel.frame, pan, nwk)
            packet.aps_opened = True
            packet.undecoded = inner.payload
        if inner.frame_type != ApsType.COMMAND:
            raise CodecError("aps", "frame_type", 0, "a Tunnel carries an APS command")
        command = packet.tunnelled_command = parse_aps_command(inner.payload)
        packet.undecoded = b""
        if inner.aux is not None and isinstance(command, TransportKey):
            self._learn_key(command)

    def _learn_key(self, command: TransportKey) -> None:
        if command.sequence is not None:
            self.keys.add_network(command.key, command.sequence, learned=True)
        elif command.key_type in (KeyType.TC_LINK, KeyType.APPLICATION_LINK):
            one, other = command.destination, command.source
            pair = None if one is None or other is None else (one, other)
            self.keys.add_link(command.key, "transported link key", pair, learned=True)

    def _fragment(self, packet: Packet, pan: int | None, nwk: NwkFrame, aps: ApsFrame) -> None:
        """Keeps a block until all are there; key 0 is the first, -1 holds how many there are."""
        extended = aps.extended
        if extended is None or extended.block is None:
            return
        key = (pan, nwk.src, nwk.dst, aps.counter, aps.cluster, aps.dst_endpoint, aps.src_endpoint)
        first = extended.fragmentation == 1
        blocks = self._fragments.setdefault(key, {})
        if first:
            blocks[-1] = _CONTROL[extended.block]
        blocks[0 if first else extended.block] = aps.payload
        total = blocks[-1][0] if -1 in blocks else 0
        if total and all(number in blocks for number in range(total)):
            del self._fragments[key]
            packet.reassembled = b"".join(blocks[number] for number in range(total))
            self._asdu(packet, pan, aps, packet.reassembled)
        elif len(self._fragments) > FRAGMENTED_LIMIT:
            self._fragments.popitem(last=False)

    def _asdu(self, packet: Packet, pan: int | None, aps: ApsFrame, asdu: bytes) -> None:
        packet.undecoded = asdu
        cluster = aps.cluster
        if cluster is None:
            return
        if aps.profile != ZDP_PROFILE:
            self._zcl(packet, asdu, cluster)
            return
        message = packet.zdp = zdp.parse(cluster, asdu)
        packet.undecoded = b""
        if message.name == "Device_annce":
            short, eui = message.fields.get("NWKAddr"), message.fields.get("IEEEAddr")
            if isinstance(short, int) and isinstance(eui, Eui64):
                self.addresses.learn(pan, short, eui)

    def _zcl(self, packet: Packet, octets: bytes, cluster: int) -> None:
        frame = packet.zcl = zcl.ZclFrame.from_bytes(octets)
        packet.undecoded = frame.payload
        packet.command = zcl.decode(frame, cluster)
        packet.undecoded = b""


def _aux_length(aux: AuxHeader) -> int:
    return 5 + (8 if aux.source is not None else 0) + (1 if aux.key_id == KeyId.NETWORK else 0)
