"""Certificate-based key establishment on the Key Establishment cluster (075356 Annex C).

Two small state machines, :class:`Responder` (server side) and :class:`Initiator` (client side),
one exchange at a time each, on cryptographic suite 1. Both read a partner's certificate, make an
ephemeral key pair after ``ephemeral_time`` seconds and a MAC after ``confirm_time`` seconds, as a
device with a small processor would, and hand a finished key to ``on_key``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.golden.zcl_layer import Attribute, Cluster, Endpoint, Request
from zigbee import zcl
from zigbee.crypto import cbke
from zigbee.types import Eui64
from zigbee.zcl import Status, ZclFrame

if TYPE_CHECKING:
    from lab.golden.node import Node, Timer

__all__ = ["Credentials", "Initiator", "KeyEstablishment", "Responder", "Terminate"]

CLUSTER = 0x0800
SUITE_1 = 0x0001
INITIATE, EPHEMERAL, CONFIRM, TERMINATE = 0, 1, 2, 3
#: Seconds beyond the partner's advertised time before an exchange is given up (C.3.1.1).
MARGIN = 2.0
#: How long a responder waits for the initiator's next message, seconds (parameter of this node).
IDLE_TIMEOUT = 30.0


def is_point(octets: bytes) -> bool:
    """Whether 22 octets are a compressed point of the curve and of its subgroup (C.4.2)."""
    try:
        cbke.SUITE1.curve.decompress(octets)
    except ValueError:
        return False
    return True


class Terminate:
    """Status codes of the Terminate command (C.3.1.2.3.4)."""

    UNKNOWN_ISSUER = 0x01
    BAD_KEY_CONFIRM = 0x02
    BAD_MESSAGE = 0x03
    NO_RESOURCES = 0x04
    UNSUPPORTED_SUITE = 0x05


@dataclass(slots=True, frozen=True)
class Credentials:
    """A suite 1 certificate (48 octets), its private key, and the CA's public key (22 octets)."""

    certificate: bytes
    private_key: int
    ca_public: bytes

    @property
    def issuer(self) -> bytes:
        """The issuer field, octets 30 to 37 of the certificate."""
        return self.certificate[30:38]


@dataclass(slots=True)
class Exchange:
    """What one side knows of the exchange under way."""

    partner: int
    partner_endpoint: int
    certificate: bytes = b""
    partner_ephemeral: bytes = b""
    ephemeral: cbke.Ephemeral | None = None
    mac_key: bytes = b""
    link_key: bytes = b""
    state: int = INITIATE
    patience: float = IDLE_TIMEOUT
    confirm_patience: float = IDLE_TIMEOUT
    timer: Timer | None = None

    @property
    def subject(self) -> Eui64:
        """The partner's EUI-64 as its certificate says."""
        return Eui64.from_bytes_be(self.certificate[22:30])


class Party:
    """What both sides do alike."""

    name = ""

    def __init__(self, owner: KeyEstablishment) -> None:
        self.owner = owner
        self.node = owner.node
        self.exchange: Exchange | None = None

    def send(
        self, exchange: Exchange, name: str, sequence: int | None = None, **fields: object
    ) -> None:
        """Send a command of this cluster to the partner, under the network key."""
        frame = self.node.zcl.command(CLUSTER, name, sequence=sequence, **fields)
        frame.disable_default_response = True
        self.owner.send(frame, exchange)

    def drop(self) -> None:
        """Forget the exchange."""
        if self.exchange is not None and self.exchange.timer is not None:
            self.exchange.timer.cancel()
        self.exchange = None

    def wait(self, exchange: Exchange, seconds: float, late: Callable[[], None]) -> None:
        """Call ``late`` unless the exchange goes on within ``seconds``."""
        if exchange.timer is not None:
            exchange.timer.cancel()
        exchange.timer = self.node.after(seconds, late)

    def known_issuer(self, certificate: bytes) -> bool:
        """Whether the certificate names the issuer that this node trusts."""
        return certificate[30:38] == self.owner.credentials.issuer

    def agree(self, exchange: Exchange) -> bool:
        """Compute MAC key and link key (C.4.2.2.5); false where a point is no good."""
        if exchange.ephemeral is None:
            return False
        credentials = self.owner.credentials
        try:
            secret = cbke.shared_secret(
                cbke.SUITE1,
                credentials.private_key,
                exchange.ephemeral,
                exchange.certificate,
                exchange.partner_ephemeral,
                credentials.ca_public,
            )
        except (cbke.CbkeError, ValueError):
            return False
        exchange.mac_key, exchange.link_key = cbke.derive(self.node.policy.secret_in_kdf(secret))
        return True

    def finish(self, exchange: Exchange) -> None:
        """Hand over the key."""
        self.drop()
        if self.owner.on_key is not None:
            link_key = self.node.policy.established_key(exchange.link_key)
            self.owner.on_key(exchange.subject, link_key)


class Responder(Party):
    """The server side: answers Initiate, Ephemeral Data and Confirm Key requests."""

    name = "responder"

    def handlers(self) -> dict[int, Callable[[Request], int | None]]:
        """By command id, client to server."""
        return {
            INITIATE: self._initiate,
            EPHEMERAL: self._ephemeral,
            CONFIRM: self._confirm,
            TERMINATE: self._terminated,
        }

    def _terminate(self, request: Request, status: int) -> None:
        exchange = Exchange(request.source, request.indication.frame.src_endpoint or 0)
        frame = self.node.zcl.command(
            CLUSTER,
            "TerminateKeyEstablishment",
            sequence=request.frame.sequence,
            StatusCode=status,
            WaitTime=self.owner.wait_time,
            KeyEstablishmentSuite=self.node.policy.suites_in_terminate(),
        )
        frame.direction = zcl.Direction.TO_CLIENT
        frame.disable_default_response = True
        self.owner.send(frame, exchange)
        if self.exchange is not None and self.exchange.partner == request.source:
            self.drop()
        self.owner.old_key(request.source, "failed")
        self.owner.failed(status)

    def _initiate(self, request: Request) -> int | None:
        raw = request.frame.payload
        policy = self.node.policy
        if len(raw) < 4:
            self._terminate(request, Terminate.BAD_MESSAGE)
            return None
        suite = int.from_bytes(raw[:2], "little")
        identity = policy.certificate_from(raw[4:])
        if not policy.supports_suite(suite):
            self._terminate(request, Terminate.UNSUPPORTED_SUITE)
        elif identity is None or not policy.takes_generate_times(raw[2:4]):
            self._terminate(request, Terminate.BAD_MESSAGE)
        elif not self.known_issuer(identity):
            self._terminate(request, policy.status_for_unknown_issuer())
        elif not self.owner.subject_is_partner(identity, request.source):
            self._terminate(request, Terminate.BAD_MESSAGE)
        elif self._busy(request) and not policy.yields_exchange():
            self._terminate(request, Terminate.NO_RESOURCES)
        else:
            self._begin(request, raw, identity)
        return None

    def _busy(self, request: Request) -> bool:
        return self.exchange is not None and self.exchange.partner != request.source

    def _begin(self, request: Request, raw: bytes, identity: bytes) -> None:
        self.drop()
        exchange = Exchange(
            request.source,
            request.indication.frame.src_endpoint or 0,
            certificate=identity,
            state=EPHEMERAL,
            patience=max(IDLE_TIMEOUT, raw[2] + MARGIN),
            confirm_patience=max(IDLE_TIMEOUT, raw[3] + MARGIN),
        )
        self.exchange = exchange
        time = self.node.policy.time_in_response(self.owner.advertised)
        self.send(
            exchange,
            "InitiateKeyEstablishmentResponse",
            request.frame.sequence,
            RequestedKeyEstablishmentSuite=SUITE_1,
            EphemeralDataGenerateTime=time,
            ConfirmKeyGenerateTime=time,
            Identity=self.owner.credentials.certificate,
        )
        self.wait(exchange, exchange.patience, self._idle)

    def _idle(self) -> None:
        """The initiator sends no more."""
        if self.node.policy.drops_idle_exchange():
            self.drop()

    def _ephemeral(self, request: Request) -> int | None:
        exchange = self.exchange
        point = self.node.policy.ephemeral_from(request.frame.payload)
        awaited = (
            exchange is not None
            and exchange.partner == request.source
            and exchange.state == EPHEMERAL
        )
        if exchange is None or not awaited or point is None or not is_point(point):
            self._terminate(request, Terminate.BAD_MESSAGE)
        else:
            exchange.partner_ephemeral = point
            exchange.state = CONFIRM
            sequence = request.frame.sequence
            self.wait(
                exchange,
                self.owner.takes(self.owner.ephemeral_time),
                lambda: self._send_ephemeral(exchange, sequence),
            )
        return None

    def _send_ephemeral(self, exchange: Exchange, sequence: int) -> None:
        exchange.ephemeral = self.owner.draw_ephemeral()
        self.send(
            exchange, "EphemeralDataResponse", sequence, EphemeralDataV=exchange.ephemeral.public
        )
        self.wait(exchange, exchange.confirm_patience, self._idle)

    def _confirm(self, request: Request) -> int | None:
        exchange = self.exchange
        mac_u = request.frame.payload[:16]
        mine = exchange is not None and exchange.partner == request.source
        done = mine and exchange is not None and exchange.ephemeral is not None
        if not mine or not self.node.policy.may_confirm(ephemeral_done=done) or len(mac_u) < 16:
            self._terminate(request, Terminate.BAD_MESSAGE)
        elif exchange is not None:
            self.owner.old_key(request.source, "confirming")
            seconds = self.owner.takes(self.owner.confirm_time)
            self.wait(exchange, seconds, lambda: self._send_confirm(request, mac_u))
        return None

    def _send_confirm(self, request: Request, mac_u: bytes) -> None:
        exchange = self.exchange
        if exchange is None:
            return
        if exchange.ephemeral is None:
            self._answer_confirm(exchange, request, bytes(16))
            return
        mine = exchange.ephemeral.public
        ids = (exchange.certificate[22:30], self.owner.credentials.certificate[22:30])
        points = (exchange.partner_ephemeral, mine)
        if not self.agree(exchange):
            self._terminate(request, Terminate.BAD_MESSAGE)
            return
        expected = cbke.mac_u(exchange.mac_key, *ids, *points)
        if not self.node.policy.mac_matches(expected, mac_u):
            self._terminate(request, Terminate.BAD_KEY_CONFIRM)
            return
        self._answer_confirm(exchange, request, cbke.mac_v(exchange.mac_key, *ids, *points))
        self.finish(exchange)

    def _answer_confirm(self, exchange: Exchange, request: Request, mac_v: bytes) -> None:
        self.send(
            exchange,
            "ConfirmKeyDataResponse",
            request.frame.sequence,
            SecureMessageAuthenticationCodeV=mac_v,
        )

    def _terminated(self, request: Request) -> int | None:
        exchange, policy = self.exchange, self.node.policy
        if exchange is not None and policy.may_terminate(request.source, exchange.partner):
            self.drop()
        return int(Status.SUCCESS)


class Initiator(Party):
    """The client side: runs an exchange with a partner's server side."""

    name = "initiator"

    def __init__(self, owner: KeyEstablishment) -> None:
        super().__init__(owner)
        self.on_end: Callable[[int | None, int], None] | None = None

    def start(self, partner: int, endpoint: int, on_end: Callable[[int | None, int], None]) -> None:
        """Begin; ``on_end(status, wait)`` gets ``None`` for success, -1 for a time-out."""
        self.drop()
        self.on_end = on_end
        self.exchange = Exchange(partner, endpoint)
        self.send(
            self.exchange,
            "InitiateKeyEstablishmentRequest",
            KeyEstablishmentSuite=SUITE_1,
            EphemeralDataGenerateTime=self.owner.advertised,
            ConfirmKeyGenerateTime=self.owner.advertised,
            Identity=self.owner.credentials.certificate,
        )
        self.wait(self.exchange, IDLE_TIMEOUT, self._late)

    def handlers(self) -> dict[int, Callable[[Request], int | None]]:
        """By command id, server to client."""
        return {
            INITIATE: self._initiated,
            EPHEMERAL: self._ephemeral,
            CONFIRM: self._confirmed,
            TERMINATE: self._terminated,
        }

    def _late(self) -> None:
        """The partner let its time pass: say so, and give up."""
        if self.exchange is not None:
            self._terminate(self.exchange, Terminate.BAD_MESSAGE, ended=-1)

    def _terminate(self, exchange: Exchange, status: int, ended: int | None = None) -> None:
        frame = self.node.zcl.command(
            CLUSTER,
            "TerminateKeyEstablishment",
            StatusCode=status,
            WaitTime=self.owner.wait_time,
            KeyEstablishmentSuite=self.node.policy.suites_in_terminate(),
        )
        frame.direction = zcl.Direction.TO_SERVER
        frame.disable_default_response = True
        self.owner.send(frame, exchange)
        self._ended(status if ended is None else ended, 0)

    def _ended(self, status: int | None, wait: int) -> None:
        self.drop()
        callback, self.on_end = self.on_end, None
        if status is not None:
            self.owner.failed(status)
        if callback is not None:
            callback(status, wait)

    def _expected(self, request: Request, state: int) -> Exchange | None:
        """The exchange, if this message is the one awaited; else the partner is told off."""
        exchange = self.exchange
        if exchange is None and self.node.policy.takes_unasked_response():
            endpoint = request.indication.frame.src_endpoint or 0
            exchange = self.exchange = Exchange(request.source, endpoint, state=state)
        if exchange is None or exchange.partner != request.source:
            return None
        if exchange.state != state:
            self._terminate(exchange, Terminate.BAD_MESSAGE)
            return None
        return exchange

    def _initiated(self, request: Request) -> int | None:
        exchange = self._expected(request, INITIATE)
        if exchange is None:
            return None
        raw = request.frame.payload
        policy = self.node.policy
        identity = policy.certificate_from(raw[4:])
        if len(raw) < 4 or identity is None or not policy.takes_generate_times(raw[2:4]):
            self._terminate(exchange, Terminate.BAD_MESSAGE)
        elif not policy.supports_suite(int.from_bytes(raw[:2], "little")):
            self._terminate(exchange, Terminate.UNSUPPORTED_SUITE)
        elif not self.known_issuer(identity):
            self._terminate(exchange, policy.status_for_unknown_issuer())
        elif not self.owner.subject_is_partner(identity, request.source):
            self._terminate(exchange, Terminate.BAD_MESSAGE)
        else:
            exchange.certificate = identity
            exchange.state = EPHEMERAL
            exchange.patience = policy.partner_patience(raw[2])
            exchange.confirm_patience = policy.partner_patience(raw[3])
            self.wait(
                exchange,
                self.owner.takes(self.owner.ephemeral_time),
                lambda: self._send_ephemeral(exchange),
            )
        return None

    def _send_ephemeral(self, exchange: Exchange) -> None:
        exchange.ephemeral = self.owner.draw_ephemeral()
        self.send(exchange, "EphemeralDataRequest", EphemeralDataU=exchange.ephemeral.public)
        self.wait(exchange, exchange.patience + MARGIN, self._late)

    def _ephemeral(self, request: Request) -> int | None:
        exchange = self._expected(request, EPHEMERAL)
        if exchange is None or exchange.ephemeral is None:
            return None
        point = self.node.policy.ephemeral_from(request.frame.payload)
        if point is None or not is_point(point):
            self._terminate(exchange, Terminate.BAD_MESSAGE)
            return None
        exchange.partner_ephemeral = point
        exchange.state = CONFIRM
        seconds = self.owner.takes(self.owner.confirm_time)
        self.wait(exchange, seconds, lambda: self._send_confirm(exchange))
        return None

    def _ids_and_points(self, exchange: Exchange) -> tuple[bytes, bytes, bytes, bytes]:
        public = exchange.ephemeral.public if exchange.ephemeral is not None else b""
        return (
            self.owner.credentials.certificate[22:30],
            exchange.certificate[22:30],
            public,
            exchange.partner_ephemeral,
        )

    def _send_confirm(self, exchange: Exchange) -> None:
        if not self.agree(exchange):
            self._terminate(exchange, Terminate.BAD_MESSAGE)
            return
        mac_u = cbke.mac_u(exchange.mac_key, *self._ids_and_points(exchange))
        self.send(exchange, "ConfirmKeyDataRequest", SecureMessageAuthenticationCodeU=mac_u)
        self.wait(exchange, exchange.confirm_patience + MARGIN, self._late)

    def _confirmed(self, request: Request) -> int | None:
        exchange = self._expected(request, CONFIRM)
        if exchange is None:
            return None
        if not exchange.mac_key:
            self._terminate(exchange, Terminate.BAD_MESSAGE)
            return None
        expected = cbke.mac_v(exchange.mac_key, *self._ids_and_points(exchange))
        if not self.node.policy.mac_matches(expected, request.frame.payload[:16]):
            self._terminate(exchange, Terminate.BAD_KEY_CONFIRM)
            return None
        self.finish(exchange)
        self._ended(None, 0)
        return None

    def _terminated(self, request: Request) -> int | None:
        exchange = self.exchange
        payload = request.frame.payload
        if exchange is not None and exchange.partner == request.source and len(payload) >= 2:
            self._ended(payload[0], payload[1])
        return int(Status.SUCCESS)


class KeyEstablishment:
    """Both sides of the cluster on one endpoint, and the key that comes out."""

    def __init__(self, node: Node, endpoint: Endpoint, credentials: Credentials) -> None:
        self.node = node
        self.endpoint = endpoint
        self.credentials = credentials
        #: generate times that this node advertises, and the times that it takes, seconds
        self.advertised = 10
        self.ephemeral_time = 1.5
        self.confirm_time = 0.8
        #: wait time that it puts into Terminate, seconds
        self.wait_time = 10
        #: gives the ephemeral key pair of each exchange
        self.draw_ephemeral: Callable[[], cbke.Ephemeral] = self.random_ephemeral
        self.on_key: Callable[[Eui64, bytes], None] | None = None
        self.on_failed: Callable[[int], None] | None = None
        self.responder = Responder(self)
        #: one for each exchange that may be answered at once
        self.seats = [self.responder]
        self.initiator = Initiator(self)
        suite = {0x0000: Attribute("enum16", node.policy.suites_listed())}
        endpoint.serve(Cluster(CLUSTER, dict(suite), self._handlers(), raw=True))
        endpoint.use(Cluster(CLUSTER, dict(suite), self.initiator.handlers(), raw=True))

    def serve_at_once(self, exchanges: int) -> None:
        """Answer as many initiators as this at the same time (SEC-CONC)."""
        self.seats = [self.responder, *(Responder(self) for _ in range(exchanges - 1))]

    def _handlers(self) -> dict[int, Callable[[Request], int | None]]:
        def passed_on(command: int) -> Callable[[Request], int | None]:
            return lambda request: self.seat(request.source).handlers()[command](request)

        return {command: passed_on(command) for command in self.responder.handlers()}

    def seat(self, partner: int) -> Responder:
        """Who answers a partner: the one that is at it, else one that is free, else the first."""
        for one in self.seats:
            if one.exchange is not None and one.exchange.partner == partner:
                return one
        free = [one for one in self.seats if one.exchange is None]
        return free[0] if free and not self.node.policy.yields_exchange() else self.seats[0]

    def random_ephemeral(self) -> cbke.Ephemeral:
        """An ephemeral key pair drawn from the node's chance."""
        draw = self.node.policy.ephemeral_octets
        return cbke.ephemeral(cbke.SUITE1, lambda count: draw(self.node.random, count))

    def takes(self, seconds: float) -> float:
        """How long a step that needs ``seconds`` takes this node."""
        return self.node.policy.generation_time(seconds, self.advertised)

    def old_key(self, partner: int, when: str) -> None:
        """The link key in force stays, unless the policy has it otherwise (C.2)."""
        holder = self.node.nwk.eui_of(partner)
        if holder is not None and not self.node.policy.keeps_link_key(when):
            self.node.aps.keys.remove(holder)

    def send(self, frame: ZclFrame, exchange: Exchange) -> None:
        """Send a frame of the exchange, under the network key alone (C.3.1.1)."""
        key = self.node.aps.keys.get(self.node.nwk.eui_of(exchange.partner))
        established = key is not None and key.origin == "cbke"
        self.node.zcl.send(
            frame,
            exchange.partner,
            cluster=CLUSTER,
            dst_endpoint=exchange.partner_endpoint,
            src_endpoint=self.endpoint.number,
            secure=self.node.policy.secures_establishment(established=established),
        )

    def subject_is_partner(self, certificate: bytes, partner: int) -> bool:
        """Whether the certificate's subject is the node that sent it (C.3.1.2.3.1.2)."""
        sender = self.node.nwk.eui_of(partner)
        subject = certificate[22:30]
        return sender is None or self.node.policy.subject_is_partner(subject, sender.to_be())

    @property
    def busy(self) -> bool:
        """Whether an exchange is under way, on either side."""
        return any(party.exchange is not None for party in (self.initiator, *self.seats))

    def failed(self, status: int) -> None:
        """Tell that an exchange ended without a key."""
        if self.on_failed is not None:
            self.on_failed(status)

    def restart(self) -> None:
        """Forget exchanges under way."""
        for one in self.seats:
            one.drop()
        self.initiator.drop()
