"""Checks of a whole key establishment, the same for both suites."""

from __future__ import annotations

from suites.crypto.expect import expect_equal, expect_refusal
from zigbee.crypto import cbke
from zigbee.crypto.ecqv import public_key


def check_vector(suite, vector):
    """An exchange (SeCbke) must compute from both sides; a wrong MAC (CbkeConfirm) is refused."""
    if vector["type"] == "CbkeConfirm":
        check_confirmation(suite, vector)
        return
    check_party(suite, vector, "initiator")
    check_party(suite, vector, "responder")
    z = shared_secret(suite, vector, "initiator", "responder")
    expect_equal("Z, initiator", vector.octets("sharedSecretZ"), z)
    z = shared_secret(suite, vector, "responder", "initiator")
    expect_equal("Z, responder", vector.octets("sharedSecretZ"), z)
    mac_key, link_key = cbke.derive(z)
    expect_equal("MAC key", vector.octets("macKey"), mac_key)
    expect_equal("key data", vector.octets("keyData"), link_key)
    expect_equal("link key", vector.octets("linkKey"), link_key)
    arguments = [vector.octets(f"{party}.ieeeAddress") for party in ("initiator", "responder")]
    arguments += [
        vector.octets(f"{party}.ephemeralPublicKey") for party in ("initiator", "responder")
    ]
    expect_equal("MACU", vector.octets("macU"), cbke.mac_u(mac_key, *arguments))
    expect_equal("MACV", vector.octets("macV"), cbke.mac_v(mac_key, *arguments))


def check_party(suite, vector, party):
    curve = suite.curve
    for kind in ("static", "ephemeral"):
        public = curve.multiply_generator(vector.integer(f"{party}.{kind}PrivateKey"))
        expected = vector.octets(f"{party}.{kind}PublicKey")
        expect_equal(f"{kind} key of the {party}", expected, curve.compress(public))
    extracted = public_key(vector.octets(f"{party}.certificate"), vector.octets("caPublicKey"))
    expected = vector.octets(f"{party}.staticPublicKey")
    expect_equal(f"key in the certificate of the {party}", expected, curve.compress(extracted))


def shared_secret(suite, vector, own, peer):
    ephemeral = cbke.Ephemeral(
        vector.integer(f"{own}.ephemeralPrivateKey"), vector.octets(f"{own}.ephemeralPublicKey")
    )
    return cbke.shared_secret(
        suite,
        vector.integer(f"{own}.staticPrivateKey"),
        ephemeral,
        vector.octets(f"{peer}.certificate"),
        vector.octets(f"{peer}.ephemeralPublicKey"),
        vector.octets("caPublicKey"),
    )


def check_confirmation(suite, vector):
    z = vector.octets("sharedSecretZ")
    expect_equal("length of Z", suite.secret_length, len(z))
    mac_key, _ = cbke.derive(z)
    due = cbke.mac_u(
        mac_key,
        vector.octets("initiatorIeeeAddress"),
        vector.octets("responderIeeeAddress"),
        vector.octets("initiatorEphemeralPublicKey"),
        vector.octets("responderEphemeralPublicKey"),
    )
    expect_equal("MACU", vector.octets("rightMacU"), due)
    received = vector.octets("receivedMacU")
    expect_refusal("MACU", lambda: cbke.check_mac(due, received), cbke.CbkeFault.MAC)
