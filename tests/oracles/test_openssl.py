"""The OpenSSL command line as oracle: it still has both binary curves.

Random cases, new ones in each run; a failing test prints the seed, and OPENSSL_ORACLE_SEED repeats
the run.  Without a usable openssl the tests are skipped, and fail when CI is set.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.points import finite
from zigbee.crypto import cbke, ecqv
from zigbee.crypto.curve import SECT163K1, SECT283K1, Curve
from zigbee.crypto.ecdsa import SignatureError, sign_digest, verify_digest
from zigbee.crypto.errors import PointError
from zigbee.crypto.mmo import mmo_hash
from zigbee.crypto.suite import SUITE1, SUITE2, Suite

SEED = int(os.environ.get("OPENSSL_ORACLE_SEED", "0")) or random.SystemRandom().getrandbits(32)
CASES = 8
OIDS = {"sect163k1": "06052b81040001", "sect283k1": "06052b81040010"}
CURVES = [pytest.param(curve, id=curve.name) for curve in (SECT163K1, SECT283K1)]


def missing() -> str:
    program = shutil.which("openssl")
    if program is None:
        return "there is no openssl"
    listed = subprocess.run(
        [program, "ecparam", "-list_curves"], capture_output=True, text=True, check=False
    )
    return "" if "sect163k1" in listed.stdout else "this openssl has no binary curves"


@pytest.fixture(autouse=True, scope="module")
def oracle() -> None:
    reason = missing()
    if reason and os.environ.get("CI"):
        pytest.fail(f"required in CI: {reason}")
    if reason:
        pytest.skip(reason)


@pytest.fixture
def source(request: pytest.FixtureRequest) -> random.Random:
    print(f"to repeat: OPENSSL_ORACLE_SEED={SEED}")
    return random.Random(f"{SEED} {request.node.name}")


def openssl(
    *arguments: object, data: bytes = b"", check: bool = True
) -> subprocess.CompletedProcess[bytes]:
    command = ["openssl", *map(str, arguments)]
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(command)}: {done.stderr.decode()}")
    return done


# -- keys in DER (RFC 5915, RFC 5480) -----------------------------------------------------------


def der(tag: int, *contents: bytes) -> bytes:
    content = b"".join(contents)
    length = len(content)
    head = bytes([length]) if length < 0x80 else b"\x81" + bytes([length])
    return bytes([tag]) + head + content


def private_der(curve: Curve, private: int) -> bytes:
    octets = private.to_bytes(curve.length, "big")
    name = der(0xA0, bytes.fromhex(OIDS[curve.name]))
    return der(0x30, der(0x02, b"\x01"), der(0x04, octets), name)


def public_der(curve: Curve, octets: bytes) -> bytes:
    key = bytes.fromhex("06072a8648ce3d0201")
    algorithm = der(0x30, key, bytes.fromhex(OIDS[curve.name]))
    return der(0x30, algorithm, der(0x03, b"\x00", octets))


def public_of(curve: Curve, private: int, form: str = "compressed") -> bytes:
    """The public key that OpenSSL computes for a private key, as octets."""
    arguments = ("ec", "-inform", "DER", "-pubout", "-outform", "DER", "-conv_form", form)
    found = openssl(*arguments, data=private_der(curve, private)).stdout
    length = 1 + curve.length * (1 if form == "compressed" else 2)
    return found[-length:]


def draw(curve: Curve, source: random.Random) -> int:
    return source.randrange(1, curve.order)


# -- points -------------------------------------------------------------------------------------


@pytest.mark.parametrize("curve", CURVES)
def test_public_keys_of_our_private_keys(curve: Curve, source: random.Random) -> None:
    scalars = [1, 2, curve.order - 1, *(draw(curve, source) for _ in range(CASES))]
    for private in scalars:
        point = finite(curve.multiply_generator(private))
        assert public_of(curve, private) == curve.compress(point)
        assert public_of(curve, private, "uncompressed") == curve.uncompressed(point)


@pytest.mark.parametrize("curve", CURVES)
def test_key_pairs_of_openssl(curve: Curve) -> None:
    for _ in range(CASES):
        arguments = ("ecparam", "-name", curve.name, "-genkey", "-noout", "-outform", "DER")
        key = openssl(*arguments).stdout
        start = key.index(bytes([0x04, curve.length])) + 2
        private = int.from_bytes(key[start : start + curve.length], "big")
        point = finite(curve.multiply(private, curve.generator))
        assert key[-2 * curve.length - 1 :] == curve.uncompressed(point)
        assert curve.validate(point) == point


@pytest.mark.parametrize("curve", CURVES)
def test_what_is_a_public_key(curve: Curve, source: random.Random) -> None:
    """Random x: no point, a point of the wrong order, or a key; OpenSSL must say the same."""
    verdicts = []
    for _ in range(4 * CASES):
        x = source.getrandbits(curve.field.m)
        octets = bytes([source.choice([2, 3])]) + x.to_bytes(curve.length, "big")
        arguments = ("pkey", "-pubin", "-inform", "DER", "-pubcheck", "-noout")
        found = openssl(*arguments, data=public_der(curve, octets), check=False)
        accepted = found.returncode == 0 and b"Key is valid" in found.stdout
        try:
            curve.decompress(octets)
        except PointError as error:
            verdicts.append(str(error.fault))
        else:
            verdicts.append("")
        assert accepted == (verdicts[-1] == ""), octets.hex()
    assert verdicts.count("") < len(verdicts)


# -- agreement and signatures -------------------------------------------------------------------


@pytest.mark.parametrize("curve", CURVES)
def test_shared_points(curve: Curve, source: random.Random, tmp_path: Path) -> None:
    for number in range(CASES):
        own, peer = draw(curve, source), draw(curve, source)
        point = finite(curve.multiply_generator(peer))
        key, other = tmp_path / f"{number}.key", tmp_path / f"{number}.pub"
        key.write_bytes(private_der(curve, own))
        other.write_bytes(public_der(curve, curve.compress(point)))
        arguments = ("-inkey", key, "-keyform", "DER", "-peerkey", other, "-peerform", "DER")
        secret = openssl("pkeyutl", "-derive", *arguments).stdout
        assert secret == finite(curve.multiply(own, point)).x.to_bytes(curve.length, "big")


def integer_der(value: int) -> bytes:
    return der(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def integers(signature: bytes) -> tuple[int, int]:
    """r and s of a signature in DER; none here is longer than 127 octets in all."""
    middle = 4 + signature[3]
    return (
        int.from_bytes(signature[4:middle], "big"),
        int.from_bytes(signature[middle + 2 :], "big"),
    )


@pytest.mark.parametrize("curve", CURVES)
def test_signatures_both_ways(curve: Curve, source: random.Random, tmp_path: Path) -> None:
    for number in range(CASES):
        private, digest = draw(curve, source), mmo_hash(source.randbytes(40))
        public = finite(curve.multiply_generator(private))
        key, signed, ours = (tmp_path / f"{number}.{end}" for end in ("key", "digest", "sig"))
        key.write_bytes(private_der(curve, private))
        signed.write_bytes(digest)
        common = ("-inkey", key, "-keyform", "DER", "-in", signed)
        theirs = integers(openssl("pkeyutl", "-sign", *common).stdout)
        verify_digest(curve, public, digest, *theirs)
        with pytest.raises(SignatureError):
            verify_digest(curve, public, digest[::-1], *theirs)
        signature = sign_digest(curve, private, digest, draw(curve, source))
        assert signature is not None
        r, s = signature
        for value, accepted in ((s, True), (s ^ 1, False)):
            ours.write_bytes(der(0x30, integer_der(r), integer_der(value)))
            found = openssl("pkeyutl", "-verify", *common, "-sigfile", ours, check=False)
            assert (b"Verified Successfully" in found.stdout) is accepted


# -- whole key establishment --------------------------------------------------------------------


@pytest.mark.parametrize("suite", [SUITE1, SUITE2], ids=["suite1", "suite2"])
def test_the_shared_secret_is_the_product_of_both_factors(
    suite: Suite, source: random.Random
) -> None:
    """Z is x(h * sU * sV * G), one multiplication of the generator, which OpenSSL makes."""
    curve = suite.curve
    ca = ecqv.CertificateAuthority.from_seed(suite, source.randbytes(16), bytes(8))
    parties = [ca.issue(source.randbytes(8), source.randbytes) for _ in range(2)]
    for certificate, private in parties:
        extracted = curve.compress(ecqv.public_key(certificate, ca.public))
        assert public_of(curve, private) == extracted
    mine, other = (cbke.ephemeral(suite, source.randbytes) for _ in range(2))
    z = cbke.shared_secret(suite, parties[0][1], mine, parties[1][0], other.public, ca.public)
    bits = {1: 82, 2: 141}[suite.id]
    product = curve.cofactor
    for (_, static), ephemeral in zip(parties, (mine, other), strict=True):
        low = int.from_bytes(ephemeral.public[1:], "big") % (1 << bits)
        product = product * (ephemeral.private + (low + (1 << bits)) * static) % curve.order
    assert public_of(curve, product)[1:] == z
