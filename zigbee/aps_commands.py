"""The payloads of APS command frames (ZigBee 053474r17, 4.4.9). Integers are little-endian.

Keys are 16 octets in the order of the wire. Verify Key and Confirm Key belong to revision 21: they
are decoded, and a Smart Energy 1.x network is not expected to send them. The commands of SKKE and
of entity authentication (high security) stay `RawCommand`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Self

from zigbee.errors import CodecError
from zigbee.layout import FixedCommand, Layout
from zigbee.types import Eui64, RawCommand, Reader, uint

_LAYER = "aps_command"


class ApsCommandId(IntEnum):
    SKKE_1 = 0x01
    SKKE_2 = 0x02
    SKKE_3 = 0x03
    SKKE_4 = 0x04
    TRANSPORT_KEY = 0x05
    UPDATE_DEVICE = 0x06
    REMOVE_DEVICE = 0x07
    REQUEST_KEY = 0x08
    SWITCH_KEY = 0x09
    EA_INITIATOR_CHALLENGE = 0x0A
    EA_RESPONDER_CHALLENGE = 0x0B
    EA_INITIATOR_MAC = 0x0C
    EA_RESPONDER_MAC = 0x0D
    TUNNEL = 0x0E
    VERIFY_KEY = 0x0F
    CONFIRM_KEY = 0x10


class KeyType(IntEnum):
    """What a Transport Key carries (4.4.9.2)."""

    NETWORK = 1
    APPLICATION_MASTER = 2
    APPLICATION_LINK = 3
    TC_LINK = 4
    HIGH_SECURITY_NETWORK = 5


_NETWORK_TYPES = (KeyType.NETWORK, KeyType.HIGH_SECURITY_NETWORK)
_APPLICATION_TYPES = (KeyType.APPLICATION_MASTER, KeyType.APPLICATION_LINK)


def _body(payload: bytes) -> Reader:
    """A reader of what follows the command identifier."""
    reader = Reader(payload, _LAYER)
    reader.u8("id")
    return reader


def _key(key: bytes) -> bytes:
    if len(key) != 16:
        raise CodecError(_LAYER, "key", 2, f"{len(key)} octets, not 16")
    return bytes(key)


@dataclass(slots=True)
class TransportKey:
    """4.4.9.2. Which fields follow the key depends on `key_type`:

    network keys: `sequence`, `destination`, `source`; a trust centre link key: `destination`,
    `source`; application keys: `partner`, `initiator`. A field that is None is not sent, so that a
    command with a field too few can be built; what an unknown type carries is in `trailing`.
    """

    key_type: int
    key: bytes
    sequence: int | None = None
    destination: Eui64 | None = None
    source: Eui64 | None = None
    partner: Eui64 | None = None
    initiator: int | None = None
    trailing: bytes = b""

    ID: ClassVar[int] = ApsCommandId.TRANSPORT_KEY

    def to_bytes(self) -> bytes:
        """The command with its identifier octet; raises `CodecError` for a misfit."""
        parts = [bytes((self.ID,)), uint(self.key_type, 1, _LAYER, "key_type"), _key(self.key)]
        for name, size in (
            ("sequence", 1),
            ("destination", 8),
            ("source", 8),
            ("partner", 8),
            ("initiator", 1),
        ):
            value = getattr(self, name)
            if value is not None:
                parts.append(uint(value, size, _LAYER, name))
        return b"".join(parts) + self.trailing

    @classmethod
    def from_bytes(cls, payload: bytes) -> Self:
        reader = _body(payload)
        command = cls(reader.u8("key_type"), reader.take(16, "key"))
        kind = command.key_type
        if kind in _NETWORK_TYPES:
            command.sequence = reader.u8("sequence")
        if kind in _NETWORK_TYPES or kind == KeyType.TC_LINK:
            command.destination = reader.eui64("destination")
            command.source = reader.eui64("source")
        elif kind in _APPLICATION_TYPES:
            command.partner = reader.eui64("partner")
            command.initiator = reader.u8("initiator")
        command.trailing = reader.rest()
        return command


@dataclass(slots=True)
class UpdateDevice(FixedCommand):
    """4.4.9.3. `status`: 0 secured rejoin, 1 unsecured join, 2 left, 3 trust centre rejoin."""

    ID: ClassVar[int] = ApsCommandId.UPDATE_DEVICE
    LAYOUT: ClassVar[Layout] = Layout(_LAYER, id="B", device="E", short="H", status="B")
    device: Eui64
    short: int
    status: int


@dataclass(slots=True)
class RemoveDevice(FixedCommand):
    """4.4.9.4. `device` is the child that its parent shall remove."""

    ID: ClassVar[int] = ApsCommandId.REMOVE_DEVICE
    LAYOUT: ClassVar[Layout] = Layout(_LAYER, id="B", device="E")
    device: Eui64


@dataclass(slots=True)
class RequestKey:
    """4.4.9.5. `key_type`: 1 network, 2 application (with `partner`), 4 trust centre link key."""

    key_type: int
    partner: Eui64 | None = None
    trailing: bytes = b""

    ID: ClassVar[int] = ApsCommandId.REQUEST_KEY

    def to_bytes(self) -> bytes:
        partner = b"" if self.partner is None else uint(self.partner, 8, _LAYER, "partner")
        kind = uint(self.key_type, 1, _LAYER, "key_type")
        return bytes((self.ID,)) + kind + partner + self.trailing

    @classmethod
    def from_bytes(cls, payload: bytes) -> Self:
        reader = _body(payload)
        kind = reader.u8("key_type")
        partner = reader.eui64("partner") if kind == KeyType.APPLICATION_MASTER else None
        return cls(kind, partner, reader.rest())


@dataclass(slots=True)
class SwitchKey(FixedCommand):
    """4.4.9.6. `sequence` numbers the network key that becomes active."""

    ID: ClassVar[int] = ApsCommandId.SWITCH_KEY
    LAYOUT: ClassVar[Layout] = Layout(_LAYER, id="B", sequence="B")
    sequence: int


@dataclass(slots=True)
class Tunnel:
    """4.4.9.8. `frame` is the tunnelled APS header, its auxiliary header, ciphertext and MIC."""

    destination: Eui64
    frame: bytes

    ID: ClassVar[int] = ApsCommandId.TUNNEL

    def to_bytes(self) -> bytes:
        return bytes((self.ID,)) + uint(self.destination, 8, _LAYER, "destination") + self.frame

    @classmethod
    def from_bytes(cls, payload: bytes) -> Self:
        reader = _body(payload)
        return cls(reader.eui64("destination"), reader.rest())


@dataclass(slots=True)
class VerifyKey:
    """4.4.10.7 of revision 21. `hash` is the 16-octet verify hash of the link key."""

    key_type: int
    source: Eui64
    hash: bytes
    trailing: bytes = b""

    ID: ClassVar[int] = ApsCommandId.VERIFY_KEY

    def to_bytes(self) -> bytes:
        if len(self.hash) != 16:
            raise CodecError(_LAYER, "hash", 10, f"{len(self.hash)} octets, not 16")
        kind = uint(self.key_type, 1, _LAYER, "key_type")
        source = uint(self.source, 8, _LAYER, "source")
        return bytes((self.ID,)) + kind + source + self.hash + self.trailing

    @classmethod
    def from_bytes(cls, payload: bytes) -> Self:
        reader = _body(payload)
        kind, source = reader.u8("key_type"), reader.eui64("source")
        return cls(kind, source, reader.take(16, "hash"), reader.rest())


@dataclass(slots=True)
class ConfirmKey(FixedCommand):
    """4.4.10.8 of revision 21. `status` 0 is success."""

    ID: ClassVar[int] = ApsCommandId.CONFIRM_KEY
    LAYOUT: ClassVar[Layout] = Layout(_LAYER, id="B", status="B", key_type="B", destination="E")
    status: int
    key_type: int
    destination: Eui64


ApsCommand = (
    TransportKey
    | UpdateDevice
    | RemoveDevice
    | RequestKey
    | SwitchKey
    | Tunnel
    | VerifyKey
    | ConfirmKey
    | RawCommand
)

_COMMANDS: dict[int, Callable[[bytes], ApsCommand]] = {
    ApsCommandId.TRANSPORT_KEY: TransportKey.from_bytes,
    ApsCommandId.UPDATE_DEVICE: UpdateDevice.from_bytes,
    ApsCommandId.REMOVE_DEVICE: RemoveDevice.from_bytes,
    ApsCommandId.REQUEST_KEY: RequestKey.from_bytes,
    ApsCommandId.SWITCH_KEY: SwitchKey.from_bytes,
    ApsCommandId.TUNNEL: Tunnel.from_bytes,
    ApsCommandId.VERIFY_KEY: VerifyKey.from_bytes,
    ApsCommandId.CONFIRM_KEY: ConfirmKey.from_bytes,
}


def parse_aps_command(payload: bytes) -> ApsCommand:
    """The command in an APS command frame's payload in the clear; `RawCommand` for an unknown id.

    Raises `CodecError` when the octets end too early.
    """
    identifier = Reader(payload, _LAYER).u8("id")
    known = _COMMANDS.get(identifier)
    return RawCommand(identifier, payload[1:]) if known is None else known(payload)
