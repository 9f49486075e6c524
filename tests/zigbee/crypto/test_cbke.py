"""Key establishment between two parties of our own authority, and what must end it."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from zigbee.crypto import cbke
from zigbee.crypto.cbke import SUITE1, SUITE2, CbkeError, CbkeFault, Ephemeral
from zigbee.crypto.curve import Curve
from zigbee.crypto.ecqv import CertificateAuthority, public_key
from zigbee.crypto.errors import CertificateError, CertificateFault, PointError, PointFault
from zigbee.crypto.suite import Suite

IDS = bytes.fromhex("0000000000000002"), bytes.fromhex("0000000000000001")


class Parties:
    def __init__(self, suite: Suite, seed: int = 1) -> None:
        source = random.Random(seed).randbytes
        self.suite = suite
        self.ca = CertificateAuthority.from_seed(suite, b"test", bytes(8))
        issued = [self.ca.issue(name, source) for name in IDS]
        self.certificates, self.privates = zip(*issued, strict=True)
        self.ephemerals = [cbke.ephemeral(suite, source) for _ in IDS]

    def secret(self, own: int = 0, **changes: Any) -> bytes:
        peer = 1 - own
        arguments = {
            "static_private": self.privates[own],
            "ephemeral": self.ephemerals[own],
            "peer_certificate": self.certificates[peer],
            "peer_ephemeral": self.ephemerals[peer].public,
            "ca_public": self.ca.public,
        }
        return cbke.shared_secret(self.suite, **arguments | changes)


@pytest.fixture(params=[SUITE1, SUITE2], ids=["suite1", "suite2"])
def parties(request: pytest.FixtureRequest) -> Parties:
    return Parties(request.param)


def test_both_sides_agree(parties: Parties) -> None:
    z = parties.secret(0)
    assert z == parties.secret(1)
    assert len(z) == parties.suite.secret_length
    mac_key, link_key = cbke.derive(z)
    assert mac_key != link_key
    points = [ephemeral.public for ephemeral in parties.ephemerals]
    macs = [make(mac_key, *IDS, *points) for make in (cbke.mac_u, cbke.mac_v)]
    assert macs[0] != macs[1]
    cbke.check_mac(macs[0], macs[0])
    with pytest.raises(CbkeError) as refusal:
        cbke.check_mac(macs[0], macs[1])
    assert refusal.value.fault == CbkeFault.MAC


def test_the_secret_depends_on_everything(parties: Parties) -> None:
    """Static and ephemeral keys of both sides, so that no one part alone impersonates."""
    other = Parties(parties.suite, seed=2)
    z = parties.secret()
    changes = [
        {"static_private": parties.privates[0] + 1},
        {"ephemeral": other.ephemerals[0]},
        {"peer_certificate": other.certificates[1]},
        {"peer_ephemeral": other.ephemerals[1].public},
    ]
    assert all(parties.secret(**change) != z for change in changes)


@pytest.mark.parametrize(
    ("point", "fault"),
    [
        (lambda curve: b"", PointFault.LENGTH),
        (lambda curve: b"\x00", PointFault.NEUTRAL),
        (lambda curve: b"\x04" + bytes(curve.length), PointFault.PREFIX),
        (lambda curve: b"\x02" + b"\xff" * curve.length, PointFault.RANGE),
        (lambda curve: b"\x02" + bytes(curve.length), PointFault.SUBGROUP),
    ],
)
def test_bad_ephemeral_keys(
    parties: Parties, point: Callable[[Curve], bytes], fault: PointFault
) -> None:
    with pytest.raises(CbkeError) as refusal:
        parties.secret(peer_ephemeral=point(parties.suite.curve))
    assert refusal.value.fault == CbkeFault.EPHEMERAL
    cause = refusal.value.__cause__
    assert isinstance(cause, PointError)
    assert cause.fault == fault


def test_bad_certificates(parties: Parties) -> None:
    with pytest.raises(CbkeError) as refusal:
        parties.secret(peer_certificate=parties.certificates[1][:-1])
    assert refusal.value.fault == CbkeFault.CERTIFICATE
    bad, _ = parties.ca.issue(
        IDS[1], random.Random(3).randbytes, reconstruction=bytes(parties.suite.point_length)
    )
    with pytest.raises(CbkeError) as refusal:
        parties.secret(peer_certificate=bad)
    cause = refusal.value.__cause__
    assert isinstance(cause, CertificateError)
    assert cause.fault == CertificateFault.POINT


def test_a_certificate_of_the_other_suite() -> None:
    with pytest.raises(CbkeError) as refusal:
        Parties(SUITE1).secret(peer_certificate=Parties(SUITE2).certificates[1])
    assert refusal.value.fault == CbkeFault.CERTIFICATE


def test_a_neutral_shared_point(parties: Parties) -> None:
    """With k = -avf(E) * d the own factor is 0 whatever the partner sends."""
    suite, public = parties.suite, parties.ephemerals[0].public
    bits = {1: 82, 2: 141}[suite.id]
    associate = int.from_bytes(public[1:], "big") % (1 << bits) + (1 << bits)
    private = -associate * parties.privates[0] % suite.curve.order
    with pytest.raises(CbkeError) as refusal:
        parties.secret(ephemeral=Ephemeral(private, public))
    assert refusal.value.fault == CbkeFault.NEUTRAL


def test_an_ephemeral_of_order_two_is_an_ephemeral_key_of_zero() -> None:
    """What a responder computes that takes the point, and what the harness computes for it."""
    parties, two = Parties(SUITE1), b"\x02" + bytes(21)
    with pytest.raises(CbkeError):
        parties.secret(1, peer_ephemeral=two)
    curve, associate = SUITE1.curve, 1 << 82  # that of x = 0
    own = parties.ephemerals[1]
    bits = int.from_bytes(own.public[1:], "big") % (1 << 82) + (1 << 82)
    s = (own.private + bits * parties.privates[1]) % curve.order
    static = public_key(parties.certificates[0], parties.ca.public)
    point = curve.decompress(two, subgroup=False)
    taken = curve.add(point, curve.multiply(associate, static))
    careless = curve.multiply(curve.cofactor * s, taken)
    assert careless is not None
    z = careless.x.to_bytes(SUITE1.secret_length, "big")
    assert parties.secret(0, ephemeral=Ephemeral(0, two)) == z


def test_ephemeral_keys_follow_their_source(parties: Parties) -> None:
    suite = parties.suite
    first = cbke.ephemeral(suite, random.Random(5).randbytes)
    assert first == cbke.ephemeral(suite, random.Random(5).randbytes)
    public = suite.curve.decompress(first.public)
    assert public == suite.curve.multiply(first.private, suite.curve.generator)
