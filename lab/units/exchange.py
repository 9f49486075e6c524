"""A key establishment that a suite runs by hand against the device, message by message (Annex C).

The golden partner is the initiator. Every message can be sent right or wrong; what the device
answers is taken from the air. Suite 1 throughout: certificates of 48 octets, points of 22, MACs
of 16.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.air import Heard
from lab.golden.key_establishment import CONFIRM, EPHEMERAL, INITIATE, TERMINATE, Credentials
from lab.judging import demand
from lab.patterns import Pattern, zcl
from lab.verdicts import Inconclusive
from zigbee.crypto import cbke
from zigbee.zcl import Direction, ZclFrame

if TYPE_CHECKING:
    from lab.units.golden_unit import GoldenUnit

__all__ = ["CLUSTER", "Exchange", "complete", "terminate", "terminated"]

CLUSTER = 0x0800
SUITE_1 = 0x0001
#: Seconds that an answer may take: the device's advertised time, at most 254 s; 20 s for most.
ANSWER = 20.0


class Exchange:
    """One run of the protocol; the golden unit's ephemeral key pair is drawn for it."""

    def __init__(self, tc: GoldenUnit, credentials: Credentials | None = None) -> None:
        self.tc = tc
        self.credentials = credentials or tc.establishment.credentials
        self.ephemeral = cbke.ephemeral(cbke.SUITE1, tc.bench.random.randbytes)
        self.their_certificate = b""
        self.their_ephemeral = b""
        self.mac_key = self.link_key = b""
        #: generate times that the device advertised, seconds
        self.their_times = (0, 0)

    # -- sending ----------------------------------------------------------------------------

    def send(self, command: int, payload: bytes, *, direction: int = 0) -> int:
        """Send any payload as a command of the cluster; gives its ZCL sequence number."""
        frame = ZclFrame(
            cluster_specific=True,
            direction=Direction(direction),
            sequence=self.tc.node.zcl.next_sequence(),
            command=command,
            payload=payload,
            disable_default_response=True,
        )
        self.tc.send_zcl(CLUSTER, frame, secure=False, endpoint=self.tc.dut_endpoint)
        return frame.sequence

    def initiate(
        self,
        *,
        suite: int = SUITE_1,
        times: tuple[int, int] = (10, 10),
        certificate: bytes | None = None,
    ) -> int:
        """Send Initiate Key Establishment Request."""
        identity = self.credentials.certificate if certificate is None else certificate
        return self.send(INITIATE, suite.to_bytes(2, "little") + bytes(times) + identity)

    def offer_ephemeral(self, public: bytes | None = None) -> int:
        """Send Ephemeral Data Request."""
        return self.send(EPHEMERAL, self.ephemeral.public if public is None else public)

    def confirm(self, mac_u: bytes | None = None) -> int:
        """Send Confirm Key Data Request."""
        return self.send(CONFIRM, self.mac_u() if mac_u is None else mac_u)

    # -- what the device answers ------------------------------------------------------------

    def expect_initiated(self) -> Heard:
        """Wait for Initiate Key Establishment Response, and take the certificate from it."""
        heard = self.tc.air.expect(zcl("InitiateKeyEstablishmentResponse"), within=ANSWER)
        return self.initiated(heard)

    def initiated(self, heard: Heard) -> Heard:
        """Take the device's certificate and times from its message."""
        fields = heard.packet.command.fields if heard.packet.command else {}
        self.their_certificate = fields["Identity"]
        self.their_times = (fields["EphemeralDataGenerateTime"], fields["ConfirmKeyGenerateTime"])
        return heard

    def expect_ephemeral(self) -> Heard:
        """Wait for Ephemeral Data Response, and compute both keys from it."""
        heard = self.tc.air.expect(zcl("EphemeralDataResponse"), within=ANSWER)
        fields = heard.packet.command.fields if heard.packet.command else {}
        self.their_ephemeral = fields["EphemeralDataV"]
        self.agree()
        return heard

    def expect_confirmed(self) -> bytes:
        """Wait for Confirm Key Data Response; gives MACV as it came."""
        heard = self.tc.air.expect(zcl("ConfirmKeyDataResponse"), within=ANSWER)
        fields = heard.packet.command.fields if heard.packet.command else {}
        mac_v: bytes = fields["SecureMessageAuthenticationCodeV"]
        return mac_v

    # -- arithmetic -------------------------------------------------------------------------

    def agree(self) -> None:
        """Compute MAC key and link key as the golden side does."""
        try:
            secret = cbke.shared_secret(
                cbke.SUITE1,
                self.credentials.private_key,
                self.ephemeral,
                self.their_certificate,
                self.their_ephemeral,
                self.credentials.ca_public,
            )
        except cbke.CbkeError as error:
            raise Inconclusive(f"the golden side could not compute the key: {error}") from error
        self.mac_key, self.link_key = cbke.derive(secret)

    def _identities(self) -> tuple[bytes, bytes, bytes, bytes]:
        return (
            self.credentials.certificate[22:30],
            self.their_certificate[22:30],
            self.ephemeral.public,
            self.their_ephemeral,
        )

    def mac_u(self) -> bytes:
        """The initiator's confirmation."""
        return cbke.mac_u(self.mac_key, *self._identities())

    def mac_v(self) -> bytes:
        """The confirmation that the device has to send."""
        return cbke.mac_v(self.mac_key, *self._identities())

    def up_to_confirm(self) -> Exchange:
        """Run honestly until both ephemeral keys are exchanged."""
        self.initiate()
        self.expect_initiated()
        self.offer_ephemeral()
        self.expect_ephemeral()
        return self


def terminated(status: int | None = None) -> Pattern:
    """The device's Terminate, with this status if one is given."""
    fields = {} if status is None else {"StatusCode": status}
    return zcl("TerminateKeyEstablishment", **fields)


def terminate(tc: GoldenUnit, status: int = 0x03, wait: int = 0) -> None:
    """End whatever is under way: Terminate with wait time 0, then 2 s of silence (PEER)."""
    payload = bytes([status, wait]) + SUITE_1.to_bytes(2, "little")
    Exchange(tc).send(TERMINATE, payload)
    tc.bench.wait(2.0)


def complete(tc: GoldenUnit) -> Exchange:
    """Run a whole honest exchange and use its key from then on.

    Raises Violation where the device does not do its part.
    """
    exchange = Exchange(tc).up_to_confirm()
    exchange.confirm()
    mac_v = exchange.expect_confirmed()
    demand(mac_v == exchange.mac_v(), "the right MACV", f"MACV {mac_v.hex()}")
    tc.took_key(tc.device, exchange.link_key)
    return exchange
