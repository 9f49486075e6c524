"""The self-test of a simulated device's key establishment, with the keys of 075356 Annex C.5.

A device with a test build computes what the annex prints, by the code that it runs on the air.
"""

from __future__ import annotations

import vectors
from lab.golden.policy import Policy
from zigbee.crypto import cbke

__all__ = ["known_answers"]


def known_answers(policy: Policy) -> dict[str, bytes]:
    """MACU and MACV (16 octets each) of the exchange of Annex C.5, as the initiator has them."""
    case = vectors.load("cbke_suite1").tests[0]
    own, other = case.octets("initiator.certificate"), case.octets("responder.certificate")
    ephemeral = cbke.Ephemeral(
        case.integer("initiator.ephemeralPrivateKey"), case.octets("initiator.ephemeralPublicKey")
    )
    theirs = case.octets("responder.ephemeralPublicKey")
    private, authority = case.integer("initiator.staticPrivateKey"), case.octets("caPublicKey")
    secret = cbke.shared_secret(cbke.SUITE1, private, ephemeral, other, theirs, authority)
    mac_key, _ = cbke.derive(policy.secret_in_kdf(secret))
    rest = (own[22:30], other[22:30], ephemeral.public, theirs)
    return {"mac_u": cbke.mac_u(mac_key, *rest), "mac_v": cbke.mac_v(mac_key, *rest)}
