"""The MAC of a node: beacons, association, polling, duplicates (IEEE 802.15.4-2006 clause 7).

Acknowledgements are not here: the radio makes them. Addresses are short ones (``int``) or
:class:`~zigbee.types.Eui64`; times are seconds.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from lab.golden.effects import MatchSources, Tune
from zigbee import mac
from zigbee.errors import CodecError
from zigbee.types import Address, Eui64

if TYPE_CHECKING:
    from lab.golden.node import Node

__all__ = ["MacLayer"]

BROADCAST = 0xFFFF
NO_SHORT_ADDRESS = 0xFFFE
#: macMaxFrameRetries.
RETRIES = 3
#: macResponseWaitTime of a 2.4 GHz device, 32 superframe units of 15.36 ms.
RESPONSE_WAIT = 0.492
#: Octets of a MAC auxiliary header without a key identifier: security control, frame counter.
MAC_AUXILIARY = 5
#: macTransactionPersistenceTime of a ZigBee PRO parent, seconds.
PERSISTENCE = 7.68
#: How long a radio may take to learn that a frame is held, seconds.
SETTLING = 0.05


@dataclass(slots=True)
class Indirect:
    """A frame that waits for its receiver to poll, since and until when (seconds)."""

    frame: mac.MacFrame
    since: float
    expires: float
    done: Callable[[str, bool], None] | None
    fresh: Callable[[], bytes] | None = None


class MacLayer:
    """Frames between neighbours. ``short`` is 0xFFFE until the node has an address."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.channel = 11
        self.pan = BROADCAST
        self.short = NO_SHORT_ADDRESS
        self.permit = False
        self.answers_beacon_requests = False
        #: whether its receiver is off when idle, so that it has to poll its parent for frames
        self.polls = False
        #: unicast frames sent, and those of them that nobody acknowledged
        self.transmissions = 0
        self.failures = 0
        self.sequence = node.random.randrange(256)
        self._seen: OrderedDict[Address, int] = OrderedDict()
        self._indirect: dict[Address, list[Indirect]] = {}
        #: called with (beacon, source PAN, source address, lqi)
        self.on_beacon: Callable[[mac.Beacon, int, Address, int], None] | None = None
        #: called with (device EUI-64, capability); a parent decides and answers
        self.on_association: Callable[[Eui64, int], None] | None = None
        #: called with the response that came for this node and its sender
        #: called with (neighbour, status) when a unicast frame to it was sent or given up
        self.on_sent: Callable[[Address, str], None] | None = None
        self.on_association_response: Callable[[mac.AssociationResponse, Address], None] | None = (
            None
        )

    # -- settings ---------------------------------------------------------------------------

    def tune(
        self, *, channel: int | None = None, pan: int | None = None, short: int | None = None
    ) -> None:
        """Change channel or addresses, here and in the radio."""
        self.channel = self.channel if channel is None else channel
        self.pan = self.pan if pan is None else pan
        self.short = self.short if short is None else short
        self.node.outbox.append(Tune(self.channel, self.pan, self.short, self.node.eui64))

    def restart(self) -> None:
        """Forget what is held in memory only."""
        self._seen.clear()
        self._indirect.clear()
        self.permit = False

    # -- out --------------------------------------------------------------------------------

    def next_sequence(self) -> int:
        """The next MAC sequence number."""
        self.sequence = (self.sequence + 1) & 0xFF
        return self.sequence

    def send(
        self,
        payload: bytes,
        dst: Address,
        *,
        frame_type: mac.MacType = mac.MacType.DATA,
        src: Address | None = None,
        done: Callable[[str, bool], None] | None = None,
        indirect: bool = False,
        fresh: Callable[[], bytes] | None = None,
    ) -> None:
        """Send ``payload`` to a neighbour (acknowledged) or to 0xFFFF (not acknowledged).

        ``indirect`` holds it until the neighbour polls; ``fresh`` gives the payload then.
        """
        frame = mac.MacFrame(
            frame_type=frame_type,
            sequence=self.next_sequence(),
            dst_pan=self.pan,
            dst=dst,
            src=self.short if src is None else src,
            payload=payload,
            ack_request=dst != BROADCAST,
            pan_compression=True,
        )
        if indirect:
            self.hold(frame, dst, done, fresh)
        else:
            self.send_frame(frame, self._watched(dst, done))

    def _watched(
        self, dst: Address, done: Callable[[str, bool], None] | None
    ) -> Callable[[str, bool], None] | None:
        """``done``, after whoever watches the neighbours has been told."""
        if dst == BROADCAST or self.on_sent is None:
            return done

        def ended(status: str, pending: bool) -> None:
            if self.on_sent is not None:
                self.on_sent(dst, status)
            if done is not None:
                done(status, pending)

        return ended

    def send_frame(
        self,
        frame: mac.MacFrame,
        done: Callable[[str, bool], None] | None = None,
        retries: int = RETRIES,
    ) -> None:
        """Send a MAC frame as it is, through the taps."""
        frame.version = frame.version or self.node.policy.mac_version()
        for out in self.node.through_taps("mac", "out", frame):
            octets = out if isinstance(out, bytes) else out.to_bytes()
            told = self._counting(done) if frame.ack_request else done
            self.node.transmit(octets, told, retries)
            done = None

    def _counting(self, done: Callable[[str, bool], None] | None) -> Callable[[str, bool], None]:
        """What counts how a unicast frame ended, before ``done`` is told."""

        def ended(status: str, pending: bool) -> None:
            self.transmissions += 1
            self.failures += status != "acked"
            if done is not None:
                done(status, pending)

        return ended

    def request_beacons(self) -> None:
        """Broadcast a beacon request (7.3.7)."""
        self.send_frame(
            mac.MacFrame(
                frame_type=mac.MacType.COMMAND,
                sequence=self.next_sequence(),
                dst_pan=BROADCAST,
                dst=BROADCAST,
                payload=mac.BeaconRequest().to_bytes(),
            )
        )

    def associate(self, pan: int, parent: Address, capability: int) -> None:
        """Ask ``parent`` for a place in ``pan``, then poll for the answer (7.3.1, 7.5.3.1)."""
        self.tune(pan=pan)
        self.send_frame(
            mac.MacFrame(
                frame_type=mac.MacType.COMMAND,
                sequence=self.next_sequence(),
                dst_pan=pan,
                dst=parent,
                src_pan=BROADCAST,
                src=self.node.eui64,
                ack_request=True,
                payload=mac.AssociationRequest(capability).to_bytes(),
            ),
            lambda status, pending: self._associated(status, parent),
        )

    def _associated(self, status: str, parent: Address) -> None:
        if status == "acked":
            self.node.after(RESPONSE_WAIT, lambda: self.poll(parent, self.node.eui64))

    def poll(self, parent: Address, src: Address | None = None) -> None:
        """Send a data request (7.3.4)."""
        self.send(mac.DataRequest().to_bytes(), parent, frame_type=mac.MacType.COMMAND, src=src)

    def respond_association(
        self,
        device: Eui64,
        short: int,
        status: int,
        done: Callable[[str, bool], None] | None = None,
    ) -> None:
        """Queue an association response for ``device`` until it polls (7.3.2)."""
        self.send(
            mac.AssociationResponse(short, status).to_bytes(),
            device,
            frame_type=mac.MacType.COMMAND,
            src=self.node.eui64,
            done=done,
            indirect=True,
        )

    # -- indirect transmission --------------------------------------------------------------

    def hold(
        self,
        frame: mac.MacFrame,
        address: Address,
        done: Callable[[str, bool], None] | None = None,
        fresh: Callable[[], bytes] | None = None,
    ) -> None:
        """Keep a frame, as it is, until the neighbour of this address polls (7.5.5)."""
        held = Indirect(frame, self.node.now, self.node.now + PERSISTENCE, done, fresh)
        self._indirect.setdefault(address, []).append(held)
        self._match_sources()
        self.node.after(PERSISTENCE, lambda: self._expire(address))

    def _expire(self, address: Address) -> None:
        held = self._indirect.get(address, [])
        kept = [one for one in held if one.expires > self.node.now]
        for one in held:
            if one not in kept and one.done is not None:
                one.done("expired", False)
        self._keep(address, kept)

    def _keep(self, address: Address, held: list[Indirect]) -> None:
        if held:
            self._indirect[address] = held
        else:
            self._indirect.pop(address, None)
        self._match_sources()

    def _match_sources(self) -> None:
        short = tuple(sorted(a for a in self._indirect if not isinstance(a, Eui64)))
        extended = tuple(sorted(a for a in self._indirect if isinstance(a, Eui64)))
        self.node.outbox.append(MatchSources(short, extended))

    def _polled(self, address: Address, promised: bool) -> None:
        """Send what was held longest, if the poll's acknowledgement promised it.

        Who was promised nothing listens no longer. A radio that does not tell what it promised is
        trusted to have promised a frame of which it has known for a while.
        """
        held = self._indirect.get(address)
        if not held or not (promised or held[0].since + SETTLING <= self.node.now):
            return
        one = held.pop(0)
        one.frame.pending = bool(held)
        if one.fresh is not None:
            one.frame.payload = one.fresh()
        self._keep(address, held)
        self.send_frame(one.frame, partial(self._fetched, address, one), retries=0)

    def _fetched(self, address: Address, one: Indirect, status: str, pending: bool) -> None:
        """A held frame was sent: once for each poll, until it arrives or expires (7.5.6.5)."""
        if status != "acked" and one.expires > self.node.now:
            self._keep(address, [one, *self._indirect.get(address, [])])
        elif one.done is not None:
            one.done(status, pending)

    # -- in ---------------------------------------------------------------------------------

    def received(self, octets: bytes, lqi: int, promised: bool) -> None:
        """Take in one PSDU; what does not parse or is not for this node is dropped.

        ``promised``: the radio acknowledged it with the frame pending bit set.
        """
        try:
            frame = mac.MacFrame.from_bytes(octets)
        except CodecError:
            return
        for one in self.node.through_taps("mac", "in", frame):
            self._handle(one, lqi, promised)

    def _handle(self, frame: mac.MacFrame, lqi: int, promised: bool) -> None:
        if frame.frame_type == mac.MacType.ACK or not self._for_us(frame):
            return
        if self._is_duplicate(frame):
            return
        if frame.security:
            if not self.node.policy.reads_mac_secured():
                return
            frame = replace(frame, payload=frame.payload[MAC_AUXILIARY:], security=False)
        if frame.frame_type == mac.MacType.DATA:
            if frame.src is not None:
                self.node.nwk.received(frame.payload, frame.src, lqi, frame)
        elif frame.frame_type == mac.MacType.BEACON:
            self._beacon(frame, lqi)
        elif frame.frame_type == mac.MacType.COMMAND:
            self._command(frame, promised)

    def _for_us(self, frame: mac.MacFrame) -> bool:
        if frame.dst is None:
            return frame.frame_type == mac.MacType.BEACON
        if frame.dst_pan not in (self.pan, BROADCAST):
            return False
        if isinstance(frame.dst, Eui64):
            return frame.dst == self.node.eui64
        return frame.dst in (self.short, BROADCAST)

    def _is_duplicate(self, frame: mac.MacFrame) -> bool:
        """Whether this is a retransmission of the last frame of its sender."""
        if frame.src is None or frame.frame_type == mac.MacType.BEACON:
            return False
        if self._seen.get(frame.src) == frame.sequence:
            return True
        self._seen[frame.src] = frame.sequence
        if len(self._seen) > 256:
            self._seen.popitem(last=False)
        return False

    def _beacon(self, frame: mac.MacFrame, lqi: int) -> None:
        if self.on_beacon is None or frame.src_pan is None or frame.src is None:
            return
        try:
            beacon = mac.Beacon.from_bytes(frame.payload)
        except CodecError:
            return
        self.on_beacon(beacon, frame.src_pan, frame.src, lqi)

    def _command(self, frame: mac.MacFrame, promised: bool) -> None:
        try:
            command = mac.parse_mac_command(frame.payload)
        except CodecError:
            return
        if isinstance(command, mac.BeaconRequest):
            if self.answers_beacon_requests:
                self._send_beacon()
        elif isinstance(command, mac.DataRequest) and frame.src is not None:
            self._polled(frame.src, promised)
        elif isinstance(command, mac.AssociationRequest) and isinstance(frame.src, Eui64):
            if self.on_association is not None:
                self.on_association(frame.src, command.capability)
        elif isinstance(command, mac.AssociationResponse) and frame.src is not None:
            if self.on_association_response is not None:
                self.on_association_response(command, frame.src)
        elif isinstance(command, mac.Realignment) and self.node.policy.obeys_realignment():
            self.tune(pan=command.pan, channel=command.channel)

    def _send_beacon(self) -> None:
        """Answer a beacon request; the ZigBee beacon payload is 3.6.7 of 053474."""
        beacon = self.node.nwk.beacon()
        self.send_frame(
            mac.MacFrame(
                frame_type=mac.MacType.BEACON,
                sequence=self.next_sequence(),
                src_pan=self.pan,
                src=self.short,
                payload=beacon.to_bytes(),
            )
        )
