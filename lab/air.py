"""What the sniffer heard: the view, of a radio of its own, on which ``air`` criteria are decided.

Frames are counted from the start of the case. A wait looks at the frames since the last stimulus
(every order of the harness to a radio or to the device sets that mark), so nothing that came
before the wait was written down is missed. Times are seconds of the bench's clock.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivers.radio import RxFrame
from lab.cases import observe, remark
from lab.patterns import Pattern
from lab.registers.facts import fact
from lab.verdicts import Inconclusive, Violation
from zigbee.dissect import Dissector, KeyRing
from zigbee.mac import AssociationResponse, MacType
from zigbee.packet import Packet
from zigbee.types import Eui64

if TYPE_CHECKING:
    from lab.bench import Bench

__all__ = ["AirView", "Heard", "ReusedNonce", "overtime"]

#: A wait shorter than this is over: a clock may not be able to count it, seconds.
CLOCK_RESOLUTION = 1e-6


def overtime(within: float) -> float:
    """Seconds to go on after a time is over: as long again, 30 s at least, 300 s at most.

    What comes by then was late; what did not come does not come.
    """
    return min(max(within, 30.0), 300.0)


@dataclass(slots=True, frozen=True)
class Heard:
    """One frame as the sniffer gave it, and what it says; ``number`` counts from 1 in the case."""

    number: int
    rx: RxFrame
    packet: Packet

    @property
    def time(self) -> float:
        """When it was heard."""
        return self.rx.time

    def __str__(self) -> str:
        return f"frame {self.number} at {self.time:.3f} s: {self.packet.summary()}"


@dataclass(slots=True, frozen=True)
class ReusedNonce:
    """Two different payloads secured with one key, source and counter."""

    layer: str
    source: Eui64
    counter: int
    first: str
    second: str


class AirView:
    """The sniffer's frames of the running case, with ways to wait for one and to demand silence."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.keys = KeyRing()
        self.dissector = Dissector(self.keys)
        self.frames: list[Heard] = []
        self.dut_eui64: Eui64 | None = None
        self.dut_short: int | None = None
        self.reused: list[ReusedNonce] = []
        self.secured_by_dut = 0
        self._nonces: dict[tuple[str, bytes, Eui64, int], str] = {}
        self._marked = 0
        self._marked_at = 0.0
        self._given_up = 0
        self._news: asyncio.Event | None = None
        if bench.sniffer is not None:
            bench.sniffer.on_frame = self.heard

    @property
    def patience(self) -> float:
        """Seconds that every wait is longer for a device that polls: one period of its polls."""
        return self.bench.dut_file.timing.poll_period

    # -- in ---------------------------------------------------------------------------------

    def heard(self, rx: RxFrame) -> None:
        """Take in a frame of the sniffer."""
        packet = self.dissector.dissect(rx.octets, rx.time)
        self.frames.append(Heard(len(self.frames) + 1, rx, packet))
        self._follow_dut(packet)
        self._note_nonces(packet)
        if self._news is not None:
            self._news.set()

    def _follow_dut(self, packet: Packet) -> None:
        """Keep the short address that the device has at the moment."""
        mac, nwk = packet.mac, packet.nwk
        if mac is None or self.dut_eui64 is None:
            return
        command = packet.mac_command
        if isinstance(command, AssociationResponse):
            if mac.dst == self.dut_eui64 and command.status == 0:
                self.dut_short = command.short
        elif nwk is not None and nwk.aux is not None and packet.nwk_opened:
            if nwk.aux.source == self.dut_eui64 and mac.src == nwk.src:
                self.dut_short = nwk.src

    def _note_nonces(self, packet: Packet) -> None:
        """Remember (key, source, counter) of what the device secured: FC-10 asks for all."""
        if packet.mac is None or self.dut_eui64 is None:
            return
        nwk, aps = packet.nwk, packet.aps
        digest = hashlib.sha256(packet.mac.payload).hexdigest()[:16]
        if packet.nwk_opened and nwk is not None and nwk.aux is not None and packet.nwk_key:
            if nwk.aux.source == self.dut_eui64:
                self.secured_by_dut += 1
                self._note("NWK", packet.nwk_key, nwk.aux.frame_counter, digest)
        if packet.aps_opened and aps is not None and aps.aux is not None and packet.aps_key:
            if nwk is not None and nwk.src == self.dut_short:
                inner = hashlib.sha256(aps.to_bytes()).hexdigest()[:16]
                label = f"APS {int(aps.aux.key_id)}"
                self._note(label, packet.aps_key, aps.aux.frame_counter, inner)

    def _note(self, layer: str, key: bytes, counter: int, digest: str) -> None:
        source = self.dut_eui64
        if source is None:
            return
        first = self._nonces.setdefault((layer, key, source, counter), digest)
        if first != digest:
            self.reused.append(ReusedNonce(layer, source, counter, first, digest))

    # -- the case ---------------------------------------------------------------------------

    def begin_case(self) -> None:
        """Start a new capture; keys and addresses stay known."""
        self.frames = []
        self.mark()

    def mark(self) -> int:
        """A stimulus is given now: later waits look at what comes from here. Gives the place."""
        self._marked = len(self.frames)
        self._marked_at = self.bench.now()
        self._given_up = self.given_up
        return self._marked

    def since(self, mark: int | None = None) -> list[Heard]:
        """The frames from ``mark`` (by default the last stimulus) on."""
        return self.frames[self._marked if mark is None else mark :]

    def by_dut(self, packet: Packet) -> bool:
        """Whether the device is the origin of a frame (a relayed one has another)."""
        if packet.nwk is not None:
            if packet.nwk.aux is not None and packet.mac is not None:
                own = packet.nwk.aux.source == self.dut_eui64 and packet.mac.src == packet.nwk.src
                return own
            return packet.nwk.src == self.dut_short
        return packet.mac is not None and (
            packet.mac.src == self.dut_eui64
            or (packet.mac.src is not None and packet.mac.src == self.dut_short)
        )

    def find(self, pattern: Pattern, *, since: int | None = None, dut: bool = True) -> list[Heard]:
        """All frames (of the device, or of anybody) that match."""
        return [
            one
            for one in self.since(since)
            if (not dut or self.by_dut(one.packet)) and pattern.matches(one.packet)
        ]

    def beacon_requests(self, since: int | None = None) -> list[Heard]:
        """Beacon requests, which carry no source: everyone's but the harness's own."""
        return [
            one
            for one in self.since(since)
            if one.packet.mac is not None
            and one.packet.mac.frame_type == MacType.COMMAND
            and one.packet.mac.payload[:1] == b"\x07"
        ]

    # -- waits ------------------------------------------------------------------------------

    def expect(
        self,
        pattern: Pattern,
        *,
        within: float,
        since: int | None = None,
        dut: bool = True,
        clause: str | None = None,
    ) -> Heard:
        """The first matching frame, at most ``within`` seconds after the last stimulus.

        Raises Violation when none came: to be used for what a clause demands. Where one comes late
        the Violation rests on the fact that the times of cases are limits.
        """
        found = self.seek(pattern, within=within, since=since, dut=dut)
        if found is None:
            observed = self._instead(since, dut)
            evidence = f"frames {self._marked + 1} to {len(self.frames)}"
            found = self.late(pattern, within=within, since=since, dut=dut)
            if found is None or fact("limits.reaction"):
                raise Violation(
                    f"{pattern.text} within {within:g} s",
                    f"{observed}; later {found}" if found else observed,
                    clause=clause,
                    evidence=evidence,
                )
            remark(f"later than the {within:g} s of the case: {found}")
        observe(str(found))
        return found

    def late(
        self, pattern: Pattern, *, within: float, since: int | None = None, dut: bool = True
    ) -> Heard | None:
        """Go on waiting for what did not come ``within`` seconds, as far as the case has time."""
        left = self.bench.time_left() - self.patience - CLOCK_RESOLUTION
        more = min(overtime(within), left)
        place = self._marked if since is None else since
        return self.seek(pattern, within=more, since=place, dut=dut) if more > 0 else None

    def seek(
        self, pattern: Pattern, *, within: float, since: int | None = None, dut: bool = True
    ) -> Heard | None:
        """As :meth:`expect`, but gives ``None`` when no such frame came."""
        start = self._marked_at if since is None else self.bench.now()
        within += self.patience
        place = self._marked if since is None else since
        return self.bench.call(
            self._seek(pattern, start + within, place, dut), within + 60.0, pattern.text
        )

    async def _seek(self, pattern: Pattern, deadline: float, place: int, dut: bool) -> Heard | None:
        loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        while True:
            while place < len(self.frames):
                one = self.frames[place]
                place += 1
                mine = not dut or self.by_dut(one.packet)
                if mine and one.time <= deadline and pattern.matches(one.packet):
                    return one
            left = deadline - loop.time()
            if left < CLOCK_RESOLUTION:
                return None
            self._news.clear()
            try:
                async with asyncio.timeout(left):
                    await self._news.wait()
            except TimeoutError:
                pass

    def never(
        self,
        pattern: Pattern,
        *,
        during: float,
        since: int | None = None,
        dut: bool = True,
        clause: str | None = None,
        delivered: bool = True,
    ) -> None:
        """Demand that no matching frame comes for ``during`` seconds from the last stimulus.

        Silence proves nothing by itself: have the device answer a control read before and after.
        Where frames were sent to it and its radio acknowledged none, the air may have lost them:
        that is inconclusive. Without ``delivered``, the caller sees to that.
        """
        found = self.seek(pattern, within=during, since=since, dut=dut)
        if found is not None:
            raise Violation(
                f"no {pattern.text} for {during:g} s",
                str(found),
                clause=clause,
                evidence=f"frame {found.number}",
            )
        if delivered and self._lost(since):
            raise Inconclusive("the device's radio acknowledged nothing that was sent to it")
        observe(f"no {pattern.text} in {during:g} s")

    def _instead(self, since: int | None, dut: bool) -> str:
        """What came instead, for a failure message: the last few frames."""
        came = [one for one in self.since(since) if not dut or self.by_dut(one.packet)]
        came = [one for one in came if one.packet.mac and one.packet.mac.frame_type != MacType.ACK]
        if not came:
            return "nothing from the device" if dut else "nothing"
        shown = "; ".join(str(one) for one in came[-5:])
        return f"{len(came)} other frames, the last: {shown}"

    def _lost(self, since: int | None) -> bool:
        """Whether something was sent to the device since then, and nothing arrived."""
        heard = self.acknowledged(self._marked if since is None else since)
        return heard is False or (
            heard is None and since is None and self.given_up > self._given_up
        )

    @property
    def given_up(self) -> int:
        """How many frames of the golden units nobody acknowledged, in all."""
        radios = (self.bench.radio, self.bench.second_radio)
        return sum(one.unacknowledged for one in radios if one is not None)

    def acknowledged(self, since: int) -> bool | None:
        """Whether the device's radio acknowledged a unicast frame to it from place ``since`` on.

        None where no unicast frame to it was heard.
        """
        awaited: int | None = None
        outcome: bool | None = None
        for heard in self.since(since):
            mac = heard.packet.mac
            if mac is None:
                continue
            if mac.frame_type == MacType.ACK:
                if mac.sequence == awaited:
                    return True
            elif mac.dst is not None and mac.dst == self.dut_short and mac.ack_request:
                awaited, outcome = mac.sequence, False
        return outcome

    def require(self, *patterns: Pattern) -> None:
        """Make sure that the case saw frames like these at all, else it is inconclusive."""
        for pattern in patterns:
            if not self.find(pattern, since=0):
                raise Inconclusive(f"no {pattern.text} of the device was seen")
