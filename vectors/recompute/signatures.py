"""Recomputation of ECDSA signatures and of the signed upgrade image."""

from __future__ import annotations

from .. import Case, VectorFile
from .curves import certificate_fields, extract_key, number, point_fault
from .rule import Rule, Values, flipped_bits, rule
from .textbook import CURVES, Affine, BinaryCurve, mmo, multiple


def _verifies(curve: BinaryCurve, public: Affine, digest: bytes, r: int, s: int) -> bool:
    """ECDSA verification (SEC 1, 4.1.4) with a validated key."""
    if point_fault(curve, public) or not (0 < r < curve.order and 0 < s < curve.order):
        return False
    inverse = pow(s, -1, curve.order)
    u1 = _leftmost(curve, digest) * inverse % curve.order
    u2 = r * inverse % curve.order
    point = curve.add(multiple(curve, u1, curve.generator), multiple(curve, u2, public))
    return point is not None and point[0] % curve.order == r


def _leftmost(curve: BinaryCurve, digest: bytes) -> int:
    return number(digest) >> max(0, 8 * len(digest) - curve.order.bit_length())


def _signature(_: VectorFile, case: Case) -> Values:
    curve = CURVES[case["curve"]]
    r, s = case.integer("signatureR"), case.integer("signatureS")
    if "msg" in case:
        yield "digest", mmo(case.octets("msg"))
    digest = case.octets("digest")
    if "publicX" in case:
        public: Affine = case.integer("publicX"), case.integer("publicY")
    else:
        public = multiple(curve, case.integer("privateKey"), curve.generator)
    yield "publicKey", curve.compressed(public)
    yield (
        "(it verifies exactly when it is valid)",
        (_verifies(curve, public, digest, r, s) is case.valid),
    )
    if "nonceK" in case:
        k = case.integer("nonceK")
        point = multiple(curve, k, curve.generator)
        r = 0 if point is None else point[0] % curve.order
        s = pow(k, -1, curve.order) * (_leftmost(curve, digest) + r * case.integer("privateKey"))
        yield "signatureR", r.to_bytes(curve.octets, "big")
        yield "signatureS", (s % curve.order).to_bytes(curve.octets, "big")


def _image(file: VectorFile, case: Case) -> Values:
    curve, octets = CURVES[case["curve"]], case.octets("otaFile")
    certificate, signer = octets[-42 - 8 - 6 - 48 : -42 - 8 - 6], octets[-50:-42]
    authority = case.octets("caPublicKey")
    public = extract_key(curve, 1, certificate, authority)
    digest = mmo(octets[:-42])
    r, s = number(octets[-42:-21]), number(octets[-21:])
    verifies = _verifies(curve, public, digest, r, s)
    if case.valid:
        yield "signedLength", len(octets) - 42
        yield "digest", digest
        yield "signerCertificate", certificate
        yield "signerIeeeAddressOnAir", signer
        yield "publicKey", curve.compressed(public)
        yield "signatureR", octets[-42:-21]
        yield "signatureS", octets[-21:]
        yield (
            "(the signer is the subject)",
            signer[::-1] == certificate_fields(1, certificate)["subject"],
        )
        yield "(the total size is right)", number(octets[52:56][::-1]) == len(octets)
        yield "(the signature verifies)", verifies
        return
    yield "(the signature does not verify)", not verifies
    base = file.case(case["base"]).octets("otaFile")
    yield "(only what is flagged was changed)", _image_change(file.fault(case), octets, base)


def _image_change(fault: str, octets: bytes, base: bytes) -> bool:
    if fault == "TruncatedFile":
        return octets == base[:-1]
    order = CURVES["sect163k1"].order
    kept = {
        "AlteredImage": octets[-50:] == base[-50:],
        "SignatureAltered": octets[:-42] == base[:-42],
        "SignerMismatch": octets[:-50] + octets[-42:] == base[:-50] + base[-42:],
        "ZeroSignature": octets[:-42] == base[:-42],
        "OrderSignature": octets[:-21] == base[:-21],
    }[fault]
    if fault == "ZeroSignature":
        return kept and bytes(21) in (octets[-42:-21], octets[-21:])
    if fault == "OrderSignature":
        return kept and number(octets[-21:]) == number(base[-21:]) + order
    return kept and flipped_bits(octets, base) in range(1, 9)


RULES: dict[str, Rule] = {
    "EcdsaDigest": rule(
        "hash digest publicX publicY privateKey nonceK msg certificate signatureR signatureS",
        _signature,
    ),
    "OtaImageSignature": rule("caPublicKey otaFile", _image),
}
