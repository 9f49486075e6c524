"""The APS layer of a node: acknowledged data, link-key security, commands (053474 2.2, 4.4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from lab.golden.link_keys import LinkKey, LinkKeys
from lab.golden.mac_layer import PERSISTENCE
from lab.golden.nwk_layer import is_broadcast
from zigbee import aps, nwk
from zigbee.crypto import ccm
from zigbee.errors import CodecError
from zigbee.security import SE_LEVEL, KeyId, aps_key, nonce, secure_aps, unsecure_aps
from zigbee.types import Eui64, RawCommand

if TYPE_CHECKING:
    from lab.golden.node import Node, Timer

__all__ = ["ApsLayer", "Indication"]

#: apscAckWaitDuration of a network of depth 15, seconds; apscMaxFrameRetries (053474 2.2.7.1).
ACK_WAIT = 1.6
MAX_RETRIES = 3
#: How long (source, counter) of a data frame is remembered to drop its repetitions, seconds.
DUPLICATE_MEMORY = 8.0
MIC_LENGTH = 4
#: Commands of SKKE and of entity authentication, to which a second one would be the answer.
HIGH_SECURITY = (0x01, 0x02, 0x03, 0x0A, 0x0B, 0x0C)


@dataclass(slots=True)
class Indication:
    """An APS data frame or command that came in, with how it was protected."""

    frame: aps.ApsFrame
    nwk: nwk.NwkFrame
    link_key: LinkKey | None
    key_id: KeyId | None

    @property
    def secured(self) -> bool:
        """Whether the frame was protected by a link key or a key derived from one."""
        return self.link_key is not None

    @property
    def broadcast(self) -> bool:
        """Whether it was sent to all."""
        return is_broadcast(self.nwk.dst)


@dataclass(slots=True)
class Pending:
    """A frame that waits for its APS acknowledgement."""

    frame: aps.ApsFrame
    dst: int
    secure: bool
    tries: int
    timer: Timer
    done: Callable[[bool], None] | None


class ApsLayer:
    """Data between endpoints, and the commands that carry keys."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.keys = LinkKeys(node.nvm)
        #: the key of the install code, before the trust center's address is known
        self.preconfigured: LinkKey | None = None
        #: keys that a network key may come under while a trust center rejoin is under way
        self.rejoin_keys: list[LinkKey] = []
        self.counter = node.random.randrange(256)
        self._pending: dict[tuple[int, int], Pending] = {}
        self._seen: dict[tuple[int, int], float] = {}
        #: called with (command, indication) for each APS command
        self.on_command: Callable[[Any, Indication], None] | None = None
        #: called with (command, indication) for Request Key, and Transport Key of partner keys
        self.on_partner_key: Callable[[Any, Indication], None] | None = None
        #: whether data that came is let in; a trust center is choosy (075356 5.4.7.2)
        self.takes: Callable[[Indication], bool] = lambda indication: True

    def restart(self) -> None:
        """Forget what is held in memory only; keys come back from non-volatile memory."""
        self.keys = LinkKeys(self.node.nvm)
        self.preconfigured = None
        self._pending.clear()
        self._seen.clear()

    # -- out --------------------------------------------------------------------------------

    def next_counter(self) -> int:
        """The next APS counter."""
        self.counter = (self.counter + 1) & 0xFF
        return self.counter

    def send(
        self,
        payload: bytes,
        dst: int,
        *,
        cluster: int,
        profile: int,
        dst_endpoint: int,
        src_endpoint: int,
        secure: bool = False,
        ack: bool = True,
        done: Callable[[bool], None] | None = None,
    ) -> aps.ApsFrame:
        """Send APS data to a short address, under the link key of its owner when ``secure``."""
        broadcast = is_broadcast(dst)
        frame = aps.ApsFrame(
            frame_type=aps.ApsType.DATA,
            counter=self.next_counter(),
            delivery=aps.Delivery.BROADCAST if broadcast else aps.Delivery.UNICAST,
            ack_request=ack and not broadcast,
            dst_endpoint=dst_endpoint,
            cluster=cluster,
            profile=profile,
            src_endpoint=src_endpoint,
            payload=payload,
        )
        self.send_frame(frame, dst, secure=secure, done=done)
        return frame

    def send_command(
        self,
        command: Any,
        dst: int,
        *,
        link_key: LinkKey | bytes | None = None,
        key_id: KeyId = KeyId.DATA,
        nwk_secure: bool = True,
        done: Callable[[bool], None] | None = None,
    ) -> None:
        """Send an APS command, under ``link_key`` (or the key that ``key_id`` derives) if given."""
        frame = aps.ApsFrame(
            frame_type=aps.ApsType.COMMAND,
            counter=self.next_counter(),
            delivery=aps.Delivery.BROADCAST if is_broadcast(dst) else aps.Delivery.UNICAST,
            payload=command.to_bytes(),
        )
        if link_key is not None:
            frame = self.secured(frame, link_key, key_id=key_id, extended_nonce=True)
        self.node.nwk.send(frame.to_bytes(), dst, secure=nwk_secure)

    def send_frame(
        self,
        frame: aps.ApsFrame,
        dst: int,
        *,
        secure: bool = False,
        done: Callable[[bool], None] | None = None,
    ) -> None:
        """Send an APS frame through the taps; repeat it until its acknowledgement comes."""
        for plain in self.node.through_taps("aps", "out", frame):
            self._transmit(plain, dst, secure)
            if plain.ack_request:
                self._await_ack(plain, dst, secure, done)
            elif done is not None:
                done(True)
            done = None

    def _transmit(self, frame: aps.ApsFrame, dst: int, secure: bool) -> None:
        out = frame
        if secure and frame.aux is None:
            key = self.keys.get(self.node.nwk.eui_of(dst))
            if key is None:
                return
            out = self.secured(frame, key)
        for final in self.node.through_taps("aps-secured", "out", out):
            octets = final if isinstance(final, bytes) else final.to_bytes()
            fetched = partial(self._fetched, (dst, frame.counter)) if self._polls(dst) else None
            self.node.nwk.send(octets, dst, done=fetched)

    def secured(self, frame: aps.ApsFrame, key: LinkKey | bytes, **overrides: Any) -> aps.ApsFrame:
        """``frame`` under a link key with the key's next counter; overrides as secure_aps."""
        arguments: dict[str, Any] = {
            "source": self.node.eui64,
            "level_on_air": self.node.policy.level_on_air(),
            **overrides,
        }
        if "frame_counter" not in arguments:
            arguments["frame_counter"] = key.counter.take() if isinstance(key, LinkKey) else 0
        octets = key.key if isinstance(key, LinkKey) else key
        return secure_aps(frame, octets, **arguments)

    def abandon(self) -> None:
        """Wait for no acknowledgement any more: the network is gone."""
        pending, self._pending = list(self._pending.values()), {}
        for one in pending:
            one.timer.cancel()
            if one.done is not None:
                one.done(False)

    # -- acknowledgements -------------------------------------------------------------------

    def _await_ack(
        self, frame: aps.ApsFrame, dst: int, secure: bool, done: Callable[[bool], None] | None
    ) -> None:
        entry = (dst, frame.counter)
        timer = self.node.after(self._patience(dst), lambda: self._ack_missing(entry))
        self._pending[entry] = Pending(frame, dst, secure, MAX_RETRIES, timer, done)

    def _polls(self, dst: int) -> bool:
        """Whether it is a child that has to fetch what is for it."""
        return not self.node.nwk.children.get(dst, True)

    def _patience(self, dst: int) -> float:
        """Seconds to await an acknowledgement: a child that polls has to fetch the frame first."""
        return ACK_WAIT + (PERSISTENCE if self._polls(dst) else 0.0)

    def _fetched(self, entry: tuple[int, int], status: str, pending_bit: bool) -> None:
        """The child has the frame: from now on it has as long as anybody to acknowledge it."""
        pending = self._pending.get(entry)
        if pending is not None and status == "acked":
            pending.timer.cancel()
            pending.timer = self.node.after(ACK_WAIT, lambda: self._ack_missing(entry))

    def _ack_missing(self, entry: tuple[int, int]) -> None:
        pending = self._pending.get(entry)
        if pending is None:
            return
        if pending.tries == 0:
            del self._pending[entry]
            if pending.done is not None:
                pending.done(False)
            return
        pending.tries -= 1
        pending.timer = self.node.after(
            self._patience(pending.dst), lambda: self._ack_missing(entry)
        )
        self._transmit(pending.frame, pending.dst, pending.secure)

    def _acknowledged(self, frame: aps.ApsFrame, src: int) -> None:
        pending = self._pending.pop((src, frame.counter), None)
        if pending is not None:
            pending.timer.cancel()
            if pending.done is not None:
                pending.done(True)

    def _acknowledge(self, indication: Indication) -> None:
        frame = indication.frame
        ack = aps.ApsFrame(
            frame_type=aps.ApsType.ACK,
            counter=frame.counter,
            dst_endpoint=frame.src_endpoint,
            cluster=frame.cluster,
            profile=frame.profile,
            src_endpoint=frame.dst_endpoint,
        )
        if indication.link_key is not None and indication.key_id == KeyId.DATA:
            ack = self._secured_ack(ack, indication.link_key)
        for one in self.node.through_taps("aps", "out", ack):
            self.node.nwk.send(one.to_bytes(), indication.nwk.src)

    def _secured_ack(self, ack: aps.ApsFrame, key: LinkKey) -> aps.ApsFrame:
        if key.counter.value == 0 or self.node.policy.counts_acknowledgements():
            return self.secured(ack, key)
        return self.secured(ack, key, frame_counter=key.counter.value - 1)

    # -- in ---------------------------------------------------------------------------------

    def received(self, carrier: nwk.NwkFrame) -> None:
        """Take in the payload of a NWK data frame."""
        try:
            frame = aps.ApsFrame.from_bytes(carrier.payload)
        except CodecError:
            return
        indication = self._open(frame, carrier)
        if indication is None:
            return
        for one in self.node.through_taps("aps", "in", indication):
            self._dispatch(one)

    def _open(self, frame: aps.ApsFrame, carrier: nwk.NwkFrame) -> Indication | None:
        if not frame.security:
            return Indication(frame, carrier, None, None)
        if frame.aux is None:
            return None
        known = self.node.nwk.eui_of(carrier.src)
        source = frame.aux.source or known
        is_data = frame.aux.key_id == KeyId.DATA and source is not None
        if is_data and not self.node.policy.source_matches(source or Eui64(0), known):
            return None
        rejoin = self.rejoin_keys if frame.aux.key_id == KeyId.KEY_TRANSPORT else []
        for key in [*self._candidates(source), *rejoin]:
            opened = self._unsecured(frame, key, source)
            if opened is None:
                continue
            if not self.node.policy.aps_counter_is_fresh(frame.aux.frame_counter, key.expected):
                return None
            self.keys.took(key, frame.aux.frame_counter)
            return Indication(opened, carrier, key, KeyId(frame.aux.key_id))
        self._unreadable(frame)
        return None

    def _unreadable(self, frame: aps.ApsFrame) -> None:
        """A command that no key opens is dropped, and that is all."""
        if frame.frame_type == aps.ApsType.COMMAND:
            if not self.node.policy.survives_unreadable_key():
                self.node.nwk.keys.clear()

    def _candidates(self, source: Eui64 | None) -> list[LinkKey]:
        key = self.keys.get(source)
        return [one for one in (key, self.preconfigured) if one is not None]

    def _unsecured(
        self, frame: aps.ApsFrame, key: LinkKey, source: Eui64 | None
    ) -> aps.ApsFrame | None:
        try:
            return unsecure_aps(frame, key.key, source=source)
        except CodecError:
            return None if self.node.policy.checks_aps_mic() else decrypted(frame, key, source)

    def _dispatch(self, indication: Indication) -> None:
        frame = indication.frame
        if frame.frame_type == aps.ApsType.ACK:
            self._acknowledged(frame, indication.nwk.src)
        elif frame.frame_type == aps.ApsType.COMMAND:
            self._command(indication)
        elif frame.frame_type == aps.ApsType.DATA and self.node.nwk.joined:
            self._data(indication)

    def _command(self, indication: Indication) -> None:
        try:
            command = aps.parse_aps_command(indication.frame.payload)
        except CodecError:
            return
        if isinstance(command, RawCommand) and command.id in HIGH_SECURITY:
            if self.node.policy.answers_high_security():
                self.send_command(RawCommand(command.id + 1, bytes(16)), indication.nwk.src)
        if is_partner_key(command) and self.on_partner_key is not None:
            self.on_partner_key(command, indication)
        elif self.on_command is not None:
            self.on_command(command, indication)

    def _data(self, indication: Indication) -> None:
        frame = indication.frame
        if not self.node.zcl.has_endpoint(frame.dst_endpoint) or not self.takes(indication):
            return
        if frame.ack_request and not indication.broadcast:
            self._acknowledge(indication)
        if self._is_duplicate(indication):
            return
        if frame.dst_endpoint == 0:
            if frame.profile == 0:
                self.node.zdo.received(indication)
        else:
            self.node.zcl.received(indication)

    def _is_duplicate(self, indication: Indication) -> bool:
        entry = (indication.nwk.src, indication.frame.counter)
        now = self.node.now
        self._seen = {one: until for one, until in self._seen.items() if until > now}
        if entry in self._seen:
            return True
        self._seen[entry] = now + DUPLICATE_MEMORY
        return False


def is_partner_key(command: Any) -> bool:
    """Whether a command asks for a key with a partner, or brings one (4.4.6, 4.4.3)."""
    if isinstance(command, aps.RequestKey):
        return command.key_type == aps.KeyType.APPLICATION_MASTER
    is_key = isinstance(command, aps.TransportKey)
    return is_key and command.key_type == aps.KeyType.APPLICATION_LINK


def decrypted(frame: aps.ApsFrame, key: LinkKey, source: Eui64 | None) -> aps.ApsFrame | None:
    """What a device reads that does not look at the MIC; no conformant one does."""
    aux = frame.aux
    origin = source if aux is None or aux.source is None else aux.source
    if aux is None or origin is None or len(frame.payload) < MIC_LENGTH:
        return None
    number = nonce(origin, aux.frame_counter, aux.control(SE_LEVEL))
    ciphertext = frame.payload[:-MIC_LENGTH]
    payload = ccm.open_(aps_key(key.key, aux.key_id), number, ciphertext, b"", 0)
    return replace(frame, payload=payload)
