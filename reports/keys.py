"""Keys and addresses announced at the head of a capture, so that anyone's tshark opens it.

A stock tshark or Wireshark (tried: 4.0.17) takes each Transport Key command that it can read into
the keys of the PAN on which the frame was sent, whatever the type of the key, and tries all of them
on every secured layer of that PAN, key-transport and key-load keys included. So a capture is
preceded by Transport Key commands without security, one for each key and PAN, on an interface of
their own and with a comment that says that they were never on air. They put the keys of the test
network into the evidence: those are test keys, and an evidence file without them proves nothing.

A Device_annce that carries a node's EUI64 lets the reader open frames of that node which name no
extended source in their nonce.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from reports.pcapng import SYNTHETIC, Capture, CapturedFrame
from zigbee.aps import ApsFrame, ApsType, Delivery, KeyType, TransportKey
from zigbee.errors import CodecError
from zigbee.mac import MacFrame, MacType
from zigbee.nwk import BROADCAST_RX_ON, NwkFrame, NwkType
from zigbee.types import Eui64

_NOBODY = 0xFFFE
"""A short address that no node has (802.15.4: associated, but without short address)."""
_NO_EUI = Eui64(0)
_MOST_ANNOUNCEMENTS = 60_000
_MOST_NODES = 256


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key of 16 octets that was used in a capture. `label` says whose it is."""

    octets: bytes
    label: str
    network: bool = False
    sequence: int = 0
    """Key sequence number of a network key."""


def announce_keys(
    capture: Capture, keys: Iterable[KnownKey], *, pans: Iterable[int] | None = None
) -> None:
    """Put each key at the head of `capture`, once for each PAN (default: those of its frames).

    Of many keys on many PANs at most 20,000 are put there, those of the busiest PANs.
    """
    known = list(dict.fromkeys(keys))
    chosen = capture_pans(capture) if pans is None else list(dict.fromkeys(pans))
    for pan in chosen[: _MOST_ANNOUNCEMENTS // max(1, len(known))]:
        for key in known:
            kind = f"network key {key.sequence}" if key.network else "link key"
            text = f"key announcement, never on air: {kind} of PAN 0x{pan:04x}: {key.label}"
            _put(capture, pan, _NOBODY, None, _transport_key(key), text)


def announce_nodes(capture: Capture, nodes: Mapping[tuple[int, int], Eui64]) -> None:
    """Put who is who at the head of `capture`: (PAN id, short address) to EUI64."""
    for (pan, short), eui in nodes.items():
        text = f"address announcement, never on air: 0x{short:04x} on PAN 0x{pan:04x} is {eui}"
        _put(capture, pan, short, eui, _device_annce(short, eui), text)


def capture_pans(capture: Capture) -> list[int]:
    """Return the PAN ids in the frames of a capture, the most frequent first."""
    seen: Counter[int] = Counter()
    for mac in _data_frames(capture):
        pan = mac.dst_pan if mac.src_pan is None else mac.src_pan
        if pan is not None and pan != 0xFFFF:
            seen[pan] += 1
    return [pan for pan, _ in seen.most_common()]


def capture_nodes(capture: Capture) -> dict[tuple[int, int], Eui64]:
    """Return who sent under which (PAN id, short address), as secured NWK frames of a capture say.

    The auxiliary header names who secured a frame, which is who sent it over this hop (053474,
    4.3.1.1). An address under which several nodes sent is left out, and more than 256 are.
    """
    found: dict[tuple[int, int], set[Eui64]] = {}
    for mac in _data_frames(capture):
        pan = mac.dst_pan if mac.src_pan is None else mac.src_pan
        try:
            aux = NwkFrame.from_bytes(mac.payload).aux
        except CodecError:
            continue
        if pan is None or aux is None or aux.source is None or not _is_short(mac.src):
            continue
        found.setdefault((pan, int(mac.src or 0)), set()).add(aux.source)
    sure = [(place, min(nodes)) for place, nodes in found.items() if len(nodes) == 1]
    return dict(sure[:_MOST_NODES])


def _is_short(address: int | Eui64 | None) -> bool:
    return address is not None and not isinstance(address, Eui64)


def _data_frames(capture: Capture) -> Iterator[MacFrame]:
    """Yield the data frames of a capture, without those that cannot be read."""
    for frame in capture.frames:
        try:
            mac = MacFrame.from_bytes(frame.octets)
        except CodecError:
            continue
        if mac.frame_type == MacType.DATA:
            yield mac


def _transport_key(key: KnownKey) -> ApsFrame:
    command = TransportKey(
        KeyType.NETWORK if key.network else KeyType.TC_LINK,
        key.octets,
        sequence=key.sequence if key.network else None,
        destination=_NO_EUI,
        source=_NO_EUI,
    )
    return ApsFrame(ApsType.COMMAND, 0, payload=command.to_bytes())


def _device_annce(short: int, eui: Eui64) -> ApsFrame:
    """ZDP Device_annce (053474, 2.4.3.1.11): sequence, short address, EUI64, capability."""
    return ApsFrame(
        ApsType.DATA,
        0,
        delivery=Delivery.BROADCAST,
        dst_endpoint=0,
        cluster=0x0013,
        profile=0,
        src_endpoint=0,
        payload=struct.pack("<BH", 0, short) + eui.to_le() + b"\x00",
    )


def _put(
    capture: Capture, pan: int, src: int, src_eui: Eui64 | None, aps: ApsFrame, text: str
) -> None:
    nwk = NwkFrame(
        NwkType.DATA, BROADCAST_RX_ON, src, 1, 0, payload=aps.to_bytes(), src_eui=src_eui
    )
    mac = MacFrame(
        MacType.DATA,
        0,
        dst_pan=pan,
        dst=0xFFFF,
        src=src,
        payload=nwk.to_bytes(),
        pan_compression=True,
    )
    first = capture.frames[0] if capture.frames else None
    frame = CapturedFrame(
        first.time if first else 0.0,
        mac.to_bytes(),
        None,
        None,
        first.channel if first else 11,
        True,
        SYNTHETIC,
        [text],
    )
    capture.head.append(frame)
