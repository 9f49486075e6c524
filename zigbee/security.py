"""NWK and APS frame security (ZigBee 053474, 4.3, 4.4, 4.5): the auxiliary header, CCM*, keys.

The security level is not sent: its three bits are 0 on the air, and both sides put the network's
level (5 in Smart Energy: encryption and a MIC of 4 octets) back into the security control octet
before they build the nonce and the authenticated data. All integers are little-endian; the nonce is
source EUI-64 (8, little-endian), frame counter (4), security control with the level restored (1).

Frames that are wrong on purpose need no special path: every argument is used as it is given, and
`flip_mic_bit` spoils the MIC.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from zigbee.crypto import ccm
from zigbee.crypto.mmo import key_load_key, key_transport_key
from zigbee.errors import CodecError, SecurityError
from zigbee.layout import Layout
from zigbee.types import Eui64, bits, corrupt

if TYPE_CHECKING:
    from zigbee.aps import ApsFrame
    from zigbee.nwk import NwkFrame

SE_LEVEL = 5
"""ENC-MIC-32, the security level of every Smart Energy network (075356, 5.4)."""


class KeyId(IntEnum):
    """Which key secures a frame (053474, 4.5.1.1.2)."""

    DATA = 0
    NETWORK = 1
    KEY_TRANSPORT = 2
    KEY_LOAD = 3


_KEY_IDS = tuple(KeyId)


def _layouts() -> dict[int, Layout]:
    """The auxiliary header's layouts, by key identifier and extended nonce (control & 0x38)."""
    found = {}
    for key_id in KeyId:
        for extended in (0, 1):
            fields = {"control": "B", "frame_counter": "I"}
            if extended:
                fields["source"] = "E"
            if key_id == KeyId.NETWORK:
                fields["key_sequence"] = "B"
            found[key_id << 3 | extended << 5] = Layout("aux", **fields)
    return found


_LAYOUTS = _layouts()
_NWK_USUAL = struct.Struct("<BIQB")  # network key, extended nonce


@dataclass(slots=True)
class AuxHeader:
    """The auxiliary header (4.5.1). `source` not None is the extended nonce bit; `key_sequence` is
    on the wire with `KeyId.NETWORK` alone. `level` is what the three bits on the air say;
    `reserved` holds bits 6 and 7 of the security control octet."""

    key_id: int
    frame_counter: int
    source: Eui64 | None = None
    key_sequence: int | None = None
    level: int = 0
    reserved: int = 0

    def control(self, level: int | None = None) -> int:
        """The security control octet with `level`, by default the one on the air."""
        return (
            bits(self.level if level is None else level, 3, 0, "aux", "level")
            | bits(self.key_id, 2, 3, "aux", "key_id")
            | (self.source is not None) << 5
            | bits(self.reserved, 2, 6, "aux", "reserved")
        )

    def to_bytes(self, level: int | None = None) -> bytes:
        """The header, with `level` in place of the level on the air if given.

        Raises `CodecError` naming a field that cannot go on the wire.
        """
        control = self.control(level)
        values: list[int | None] = [control, self.frame_counter]
        if self.source is not None:
            values.append(self.source)
        if self.key_id == KeyId.NETWORK:
            values.append(self.key_sequence)
        elif self.key_sequence is not None:
            reason = f"cannot be sent with key identifier {int(self.key_id)}"
            raise CodecError("aux", "key_sequence", 5, reason)
        return _LAYOUTS[control & 0x38].pack(*values)

    @classmethod
    def parse(cls, octets: bytes, offset: int) -> tuple[AuxHeader, int]:
        """The header that begins at `offset`, and the offset behind it; raises `CodecError`."""
        if len(octets) >= offset + 14 and octets[offset] == 0x28:
            _, counter, source, sequence = _NWK_USUAL.unpack_from(octets, offset)
            return cls(KeyId.NETWORK, counter, int.__new__(Eui64, source), sequence), offset + 14
        if len(octets) <= offset:
            raise _LAYOUTS[0].cut(len(octets), offset)
        control = octets[offset]
        layout = _LAYOUTS[control & 0x38]
        values = layout.unpack(octets, offset)
        key_id = _KEY_IDS[control >> 3 & 3]
        extended = control & 0x20 != 0
        return cls(
            key_id,
            values[1],
            values[2] if extended else None,
            values[-1] if key_id == KeyId.NETWORK else None,
            control & 7,
            control >> 6,
        ), offset + layout.size


@lru_cache(maxsize=512)
def _cipher(key: bytes) -> AESCCM:
    """CCM* of level 5 under `key`; made once per key, or it would cost more than the frame."""
    return AESCCM(_sixteen(key), tag_length=4)


def _sixteen(key: bytes) -> bytes:
    if len(key) != 16:
        raise SecurityError("security", "key", 0, f"{len(key)} octets, not 16")
    return key


@lru_cache(maxsize=512)
def aps_key(link_key: bytes, key_id: int) -> bytes:
    """The key that secures an APS frame with this key identifier (4.5.3): the link key itself, or
    the key-transport or key-load key derived from it. For `KeyId.NETWORK`, `link_key` is the
    network key and is returned. Raises `SecurityError` for a key that is not of 16 octets."""
    _sixteen(link_key)
    if key_id == KeyId.KEY_TRANSPORT:
        return key_transport_key(link_key)
    if key_id == KeyId.KEY_LOAD:
        return key_load_key(link_key)
    return link_key


def nonce(source: Eui64, frame_counter: int, control: int) -> bytes:
    """The 13-octet CCM* nonce; `control` is the security control octet with the level restored."""
    return _NONCE.pack(source, frame_counter, control)


_NONCE = Layout("nonce", source="E", frame_counter="I", control="B")


def seal(key: bytes, nonce: bytes, payload: bytes, aad: bytes, level: int = SE_LEVEL) -> bytes:
    """`payload` secured with CCM* at `level` (0 to 7): perhaps encrypted, then its MIC.

    `key` is used as it is (16 octets); `aad` is the layer's header and auxiliary header.
    """
    if level == SE_LEVEL:
        return _cipher(key).encrypt(nonce, payload, aad)
    return ccm.seal_level(_sixteen(key), nonce, aad, payload, level) if _secures(level) else payload


def unseal(key: bytes, nonce: bytes, sealed: bytes, aad: bytes, level: int = SE_LEVEL) -> bytes:
    """The payload of `sealed` (see `seal`); raises `SecurityError` when its MIC is wrong."""
    try:
        if level == SE_LEVEL:
            return _cipher(key).decrypt(nonce, sealed, aad)
        if not _secures(level):
            return sealed
        return ccm.open_level(_sixteen(key), nonce, aad, sealed, level)
    except (InvalidTag, ccm.MicError):
        raise SecurityError("security", "mic", 0, "wrong MIC: not this key or altered") from None


def _secures(level: int) -> bool:
    if not 0 <= level <= 7:
        raise SecurityError("security", "level", 0, f"there is no level {level}")
    return level > 0


def secure_nwk(
    frame: NwkFrame,
    key: bytes,
    *,
    source: Eui64,
    frame_counter: int,
    key_sequence: int,
    level: int = SE_LEVEL,
    level_on_air: int = 0,
    flip_mic_bit: int | None = None,
) -> NwkFrame:
    """A secured copy of a NWK frame in the clear (4.3.1.1).

    `key` is the network key (16 octets), `source` the EUI-64 of the device that secures, which is
    the hop, not the originator. `flip_mic_bit` counts from the MIC's first octet's least
    significant bit. Raises `CodecError` for a value that does not fit.
    """
    aux = AuxHeader(KeyId.NETWORK, frame_counter, source, key_sequence, level_on_air)
    secured = replace(frame, security=True, aux=aux)
    secured.payload = _sealed(secured.header_bytes(), aux, frame, key, source, level, flip_mic_bit)
    return secured


def secure_aps(
    frame: ApsFrame,
    key: bytes,
    *,
    source: Eui64,
    frame_counter: int,
    key_id: int = KeyId.DATA,
    extended_nonce: bool = False,
    key_sequence: int | None = None,
    level: int = SE_LEVEL,
    level_on_air: int = 0,
    flip_mic_bit: int | None = None,
) -> ApsFrame:
    """A secured copy of an APS frame in the clear (4.4.1.1).

    `key` is the *link* key (16 octets); the key-transport or key-load key is derived from it when
    `key_id` asks for one. With `KeyId.NETWORK`, `key` is the network key and `key_sequence` its
    number. `source` goes into the nonce always, on the wire with `extended_nonce` alone.
    """
    aux = AuxHeader(
        key_id, frame_counter, source if extended_nonce else None, key_sequence, level_on_air
    )
    secured = replace(frame, security=True, aux=aux)
    derived = aps_key(bytes(key), key_id)
    header = secured.header_bytes()
    secured.payload = _sealed(header, aux, frame, derived, source, level, flip_mic_bit)
    return secured


def _sealed(
    header: bytes,
    aux: AuxHeader,
    frame: NwkFrame | ApsFrame,
    key: bytes,
    source: Eui64,
    level: int,
    flip_mic_bit: int | None,
) -> bytes:
    number = nonce(source, aux.frame_counter, aux.control(level))
    sealed = seal(bytes(key), number, frame.payload, header + aux.to_bytes(level), level)
    if flip_mic_bit is None:
        return sealed
    at = len(sealed) - (ccm.mic_length(level) if _secures(level) else 0)
    return sealed[:at] + corrupt(sealed[at:], flip_mic_bit)


def unsecure_nwk(frame: NwkFrame, key: bytes, *, level: int = SE_LEVEL) -> NwkFrame:
    """A copy with its header and auxiliary header kept and the payload in the clear (4.3.1.2).

    Raises `SecurityError` when the MIC is wrong, or when the frame lacks what opening needs.
    """
    return replace(frame, payload=_opened(frame, key, None, level, "nwk"))


def unsecure_aps(
    frame: ApsFrame, key: bytes, *, source: Eui64 | None = None, level: int = SE_LEVEL
) -> ApsFrame:
    """A copy with its headers kept and the payload in the clear (4.4.1.2).

    `key` is the *link* key (16 octets), or the network key for `KeyId.NETWORK`. `source` is the
    originator's EUI-64, needed when the frame does not carry it. Raises `SecurityError`.
    """
    if frame.aux is None:
        raise SecurityError("aps", "aux", 0, "the frame is not secured")
    derived = aps_key(bytes(key), frame.aux.key_id)
    return replace(frame, payload=_opened(frame, derived, source, level, "aps"))


def _opened(
    frame: NwkFrame | ApsFrame, key: bytes, source: Eui64 | None, level: int, layer: str
) -> bytes:
    aux = frame.aux
    if aux is None:
        raise SecurityError(layer, "aux", 0, "the frame is not secured")
    origin = aux.source if aux.source is not None else source
    if origin is None:
        raise SecurityError(layer, "source", 0, "the EUI-64 of the sender is not known")
    number = nonce(origin, aux.frame_counter, aux.control(level))
    aad = frame.header_bytes() + aux.to_bytes(level)
    return unseal(bytes(key), number, frame.payload, aad, level)
