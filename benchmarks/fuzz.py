"""Mutated frames through the dissector: what escapes, what costs most, what stays in memory.

Right frames of every kind are spoilt at a layer drawn by chance, then secured, so that the damage
reaches the decoders behind the cipher. Nothing may leave the dissector but a packet.
"""

from __future__ import annotations

import gc
import json
import random
import statistics
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.decode import commands, resident_kilobytes
from zigbee import aps, mac, nwk, zcl, zdp
from zigbee.dissect import Dissector, KeyRing, Packet
from zigbee.interpan import InterPanFrame
from zigbee.security import KeyId, secure_aps, secure_nwk
from zigbee.types import Eui64

NETWORK_KEY, LINK_KEY = bytes(range(16)), bytes(range(0xA0, 0xB0))
PAN = 0x1A62
KEPT = 24
"""Slow inputs measured again at the end, as one slow moment of the machine proves nothing."""

EUI = Eui64(0x000D6F0000000001)


def mac_payloads() -> list[tuple[mac.MacType, bytes]]:
    """A MAC command of each kind and beacons with and without their lists."""
    found = [
        mac.AssociationRequest(0x8E),
        mac.AssociationResponse(0xA18F, 0),
        mac.Disassociation(1),
        mac.DataRequest(),
        mac.OrphanNotification(),
        mac.BeaconRequest(),
        mac.Realignment(PAN, 0, 11, 0xA18F, 0),
    ]
    lists = mac.Beacon(
        EUI, pending_short=[1, 2, 3], pending_extended=[EUI] * 3, gts=bytes((7, 0, *range(21)))
    )
    beacons = [mac.Beacon(EUI), lists]
    return [
        *((mac.MacType.COMMAND, command.to_bytes()) for command in found),
        *((mac.MacType.BEACON, beacon.to_bytes()) for beacon in beacons),
        (mac.MacType.ACK, b""),
    ]


def nwk_payloads() -> list[bytes]:
    """A NWK command of each kind."""
    entries = [nwk.LinkStatusEntry(number, 1, 7) for number in range(20)]
    found: list[nwk.NwkCommand] = [
        nwk.RouteRequest(1, 2, 3, 1, destination_eui=EUI),
        nwk.RouteReply(1, 2, 3, 4, EUI, EUI),
        nwk.NetworkStatus(0x0C, 1),
        nwk.Leave(True, True),
        nwk.RouteRecord(list(range(20))),
        nwk.RejoinRequest(0x8E),
        nwk.RejoinResponse(0xA18F, 0),
        nwk.LinkStatus(entries),
        nwk.NetworkReport(EUI, list(range(20))),
        nwk.NetworkUpdate(EUI, 1, PAN),
        nwk.EndDeviceTimeoutRequest(8),
        nwk.EndDeviceTimeoutResponse(0, 3),
    ]
    return [command.to_bytes() for command in found]


def aps_payloads() -> list[bytes]:
    """An APS command of each kind; the tunnel carries a Transport Key that opens."""
    key = aps.TransportKey(1, NETWORK_KEY, sequence=0, destination=EUI, source=EUI)
    inner = secure_aps(
        aps.ApsFrame(aps.ApsType.COMMAND, 1, payload=key.to_bytes()),
        LINK_KEY,
        source=EUI,
        frame_counter=1,
        key_id=KeyId.KEY_TRANSPORT,
        extended_nonce=True,
    )
    found: list[aps.ApsCommand] = [
        key,
        aps.TransportKey(4, LINK_KEY, destination=EUI, source=EUI),
        aps.TransportKey(3, LINK_KEY, partner=EUI, initiator=1),
        aps.UpdateDevice(EUI, 0xA18F, 1),
        aps.RemoveDevice(EUI),
        aps.RequestKey(2, EUI),
        aps.SwitchKey(1),
        aps.Tunnel(EUI, inner.to_bytes()),
        aps.VerifyKey(4, EUI, NETWORK_KEY),
        aps.ConfirmKey(0, 4, EUI),
    ]
    return [command.to_bytes() for command in found]


def zdp_messages() -> list[tuple[int, bytes]]:
    """Cluster and payload of some ZDP messages with lists and descriptors in them."""
    found = [
        zdp.build("Device_annce", 1, NWKAddr=0xA18F, IEEEAddr=EUI, Capability=0x8E),
        zdp.build(
            "Match_Desc_req",
            2,
            NWKAddrOfInterest=0,
            ProfileID=0x0109,
            InClusterList=[0x0700, 0x0702],
            OutClusterList=[0x0703],
        ),
    ]
    return [(message.cluster, message.to_bytes()) for message in found]


@dataclass(slots=True)
class Maker:
    """Makes spoilt frames from a seed: the same seed makes the same frames."""

    draw: random.Random
    mac_payloads: list[tuple[mac.MacType, bytes]] = field(default_factory=mac_payloads)
    nwk_payloads: list[bytes] = field(default_factory=nwk_payloads)
    aps_payloads: list[bytes] = field(default_factory=aps_payloads)
    zdp_messages: list[tuple[int, bytes]] = field(default_factory=zdp_messages)
    clusters: list[int] = field(default_factory=lambda: [known.id for known in zcl.clusters()])

    def frame(self) -> bytes:
        """The next PSDU, of up to 127 octets or, rarely, far too long."""
        draw = self.draw
        kind = draw.randrange(10)
        if kind == 0:
            return draw.randbytes(draw.randrange(128))
        if kind == 1:
            return self.spoil(self.plain_mac())
        if kind == 2:
            frame = InterPanFrame(
                draw.choice(self.clusters), payload=self.spoil(self.zcl_frame()[1])
            )
            return self.spoil(self.over_mac(frame.to_bytes()), 0.2)
        return self.spoil(self.over_mac(self.network()), 0.1)

    def plain_mac(self) -> bytes:
        kind, payload = self.draw.choice(self.mac_payloads)
        one, two = self.draw.choice((None, 0xFFFF, EUI)), self.draw.choice((None, 0, EUI))
        return mac.MacFrame(
            kind,
            self.draw.randrange(256),
            None if one is None else PAN,
            one,
            None if two is None else PAN,
            two,
            payload,
        ).to_bytes()

    def over_mac(self, payload: bytes) -> bytes:
        return mac.MacFrame(
            mac.MacType.DATA, 1, PAN, 0xA18F, src=0, payload=payload, pan_compression=True
        ).to_bytes()

    def network(self) -> bytes:
        """A NWK frame whose inside is spoilt before it is secured."""
        draw = self.draw
        command = draw.randrange(4) == 0
        if command:
            payload = self.spoil(draw.choice(self.nwk_payloads))
        else:
            payload = self.spoil(self.application(), 0.2)
        frame = nwk.NwkFrame(
            nwk.NwkType.COMMAND if command else nwk.NwkType.DATA,
            0xA18F,
            draw.choice((0, 1, draw.randrange(0x10000))),
            30,
            1,
            payload,
            multicast=draw.choice((None, None, 5)),
            source_route=draw.choice((None, None, nwk.SourceRoute(0, [1, 2, 3]))),
            src_eui=draw.choice((None, EUI)),
        )
        if draw.randrange(8) == 0:
            return frame.to_bytes()
        counter = draw.getrandbits(32)
        secured = secure_nwk(frame, NETWORK_KEY, source=EUI, frame_counter=counter, key_sequence=0)
        return secured.to_bytes()

    def application(self) -> bytes:
        draw = self.draw
        kind = draw.randrange(8)
        if kind == 0:
            payload = self.spoil(draw.choice(self.aps_payloads))
            frame = aps.ApsFrame(aps.ApsType.COMMAND, draw.randrange(256), payload=payload)
        elif kind == 1:
            cluster, payload = draw.choice(self.zdp_messages)
            if draw.randrange(2):
                cluster, payload = (
                    draw.randrange(0x40) | draw.choice((0, 0x8000)),
                    draw.randbytes(40),
                )
            frame = self.data(cluster, self.spoil(payload), profile=0)
        else:
            cluster, payload = self.zcl_frame()
            frame = self.data(cluster, self.spoil(payload))
        if draw.randrange(6) == 0:
            frame = secure_aps(
                frame,
                LINK_KEY,
                source=EUI,
                frame_counter=draw.getrandbits(32),
                key_id=draw.choice((KeyId.DATA, KeyId.KEY_TRANSPORT, KeyId.KEY_LOAD)),
                extended_nonce=draw.random() < 0.5,
            )
        return frame.to_bytes()

    def data(self, cluster: int, payload: bytes, profile: int = 0x0109) -> aps.ApsFrame:
        draw = self.draw
        frame = aps.ApsFrame(
            aps.ApsType.DATA,
            draw.randrange(256),
            dst_endpoint=1,
            cluster=cluster,
            profile=profile,
            src_endpoint=1,
            payload=payload,
        )
        if draw.randrange(12) == 0:
            extended = aps.ExtendedHeader(draw.choice((1, 2)), draw.randrange(256))
            return replace(frame, extended=extended, counter=draw.randrange(4))
        return frame

    def zcl_frame(self) -> tuple[int, bytes]:
        """Cluster and ZCL frame: a right one, or any command with any payload."""
        draw = self.draw
        if draw.randrange(3) == 0:
            short, name, fields = commands(draw.randrange(4000))
            cluster = zcl.cluster(short)
            command = cluster.command(name)
            frame = zcl.ZclFrame(True, command.direction, 1, command.id, command.build(**fields))
            return cluster.id, frame.to_bytes()
        known = draw.choice(self.clusters)
        control = draw.choice((0x00, 0x08, 0x18, 0x01, 0x09, 0x19))
        payload = draw.randbytes(draw.randrange(80))
        return known, bytes((control, 1, draw.randrange(0x20))) + payload

    def spoil(self, octets: bytes, chance: float = 0.7) -> bytes:
        """`octets`, perhaps with some damage of one of the usual kinds."""
        draw = self.draw
        if draw.random() > chance:
            return octets
        spoilt = bytearray(octets)
        for _ in range(draw.choice((1, 1, 1, 2, 5))):
            self._damage(spoilt)
        return bytes(spoilt)

    def _damage(self, octets: bytearray) -> None:
        draw = self.draw
        at = draw.randrange(len(octets) + 1)
        kind = draw.randrange(7)
        if kind == 0:
            del octets[at:]
        elif kind == 1:
            del octets[at : at + draw.randrange(1, 9)]
        elif kind == 2:
            octets[at:at] = draw.randbytes(draw.randrange(1, 9))
        elif kind == 3:
            octets[at:at] = octets[at : at + 16]
        elif at < len(octets):
            octets[at] = draw.choice((0, 1, 0x7F, 0x80, 0xFE, 0xFF, octets[at] ^ 1 << at % 8))
        if draw.randrange(5000) == 0:
            octets += draw.randbytes(4096)


def examine(dissector: Dissector, octets: bytes, number: int) -> tuple[Packet, float]:
    """The packet and the seconds it took; raises what escapes, or what a report would trip over."""
    start = time.perf_counter()
    packet = dissector.dissect(octets, number / 1000)
    seconds = time.perf_counter() - start
    text = packet.summary()
    if not (text.isascii() and text.isprintable()):
        raise ValueError(f"the summary is not printable: {text!r}")
    if number % 8 == 0:
        json.dumps(packet.describe(), allow_nan=False)
    if packet.mac is not None and packet.mac.to_bytes() != octets:
        raise ValueError("the MAC frame is not encoded as it was received")
    return packet, seconds


def again(dissector: Dissector, octets: bytes) -> float:
    """The least seconds of five further runs."""
    return min(examine(dissector, octets, 1)[1] for _ in range(5))


@dataclass(slots=True)
class Findings:
    """What a run saw: outcomes by kind, what escaped, and the slowest inputs."""

    outcomes: Counter[str] = field(default_factory=Counter)
    escaped: list[str] = field(default_factory=list)
    slow: list[tuple[float, bytes]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def note(self, packet: Packet, seconds: float) -> None:
        error = packet.error
        self.outcomes["decoded" if error is None else f"stopped in {error.layer}"] += 1
        self.seconds.append(seconds)
        if len(self.slow) < KEPT or seconds > self.slow[-1][0]:
            self.slow = sorted([*self.slow, (seconds, packet.octets)], reverse=True)[:KEPT]


def run(frames: int = 200_000, seed: int = 1) -> dict[str, Any]:
    """Outcomes, escapes, microseconds (median and costliest) and growth of resident memory."""
    keys = KeyRing()
    keys.add_network(NETWORK_KEY)
    keys.add_link(LINK_KEY, "link")
    dissector, maker, findings = Dissector(keys), Maker(random.Random(seed)), Findings()
    settled = 0
    for number in range(frames):
        octets = maker.frame()
        try:
            packet, seconds = examine(dissector, octets, number)
        except Exception:  # what escapes is the finding
            if len(findings.escaped) < 10:
                findings.escaped.append(f"{octets.hex()}\n{traceback.format_exc()}")
            findings.outcomes["escaped"] += 1
            continue
        if number < SAMPLED:
            findings.note(packet, seconds)
        else:
            _note_without_growth(findings, packet, seconds, number)
        if number == frames // 2:
            gc.collect()
            settled = resident_kilobytes()
    gc.collect()
    growth = resident_kilobytes() - settled
    return _report(frames, seed, findings, growth, lambda o: again(dissector, o))


SAMPLED = 20_000


def _note_without_growth(findings: Findings, packet: Packet, seconds: float, number: int) -> None:
    """As `note`, overwriting old times so that our own record is not taken for a leak."""
    findings.note(packet, seconds)
    findings.seconds[number % SAMPLED] = findings.seconds.pop()


def _report(
    frames: int,
    seed: int,
    findings: Findings,
    growth: int,
    measure: Callable[[bytes], float],
) -> dict[str, Any]:
    median = statistics.median(findings.seconds) if findings.seconds else 0.0
    slow = sorted(((measure(octets), octets) for _, octets in findings.slow), reverse=True)[:5]
    table = Table(title=f"The costliest of {frames} mutated frames, best of 5 repetitions each")
    for heading in ("us", "times the median", "octets", "frame"):
        table.add_column(heading, justify="left" if heading == "frame" else "right")
    table.add_row(f"{1e6 * median:.1f}", "1.0", "", "the median")
    for seconds, octets in slow:
        ratio = f"{seconds / median:.1f}"
        table.add_row(f"{1e6 * seconds:.1f}", ratio, str(len(octets)), octets.hex()[:64])
    Console().print(table)
    for escape in findings.escaped:
        print(escape)
    for outcome, count in findings.outcomes.most_common():
        print(f"{count:>9}  {outcome}")
    escaped = findings.outcomes["escaped"]
    worst = slow[0][0] / median if slow else 0.0
    print(
        f"{frames} mutated frames (seed {seed}): {escaped} exceptions, costliest {worst:.1f} times "
        f"the median, {growth:+} kB resident over the second half"
    )
    return {
        "frames": frames,
        "seed": seed,
        "exceptions": escaped,
        "escaped": findings.escaped,
        "outcomes": dict(findings.outcomes),
        "median_microseconds": round(1e6 * median, 1),
        "costliest_microseconds": [round(1e6 * seconds, 1) for seconds, _ in slow],
        "costliest_frames": [octets.hex() for _, octets in slow],
        "growth_kilobytes": growth,
    }
