"""Recomputation of points, certificates and key establishment."""

from __future__ import annotations

from typing import Any

from .. import Case, VectorFile
from .rule import Rule, Values, flipped_bits, rule, same_but
from .textbook import CURVES, Affine, BinaryCurve, hmac, mmo, multiple

STATUS = {  # the Terminate status expected for a bad certificate; our reading, unverified
    "TruncatedCertificate": "BAD_MESSAGE",
    "OverlongCertificate": "BAD_MESSAGE",
    "UnknownIssuer": "UNKNOWN_ISSUER",
}
CERTIFICATE_LENGTHS = {1: 48, 2: 74}
POINT_OFFSETS = {1: 0, 2: 37}


def number(octets: bytes) -> int:
    return int.from_bytes(octets, "big")


def point_fault(curve: BinaryCurve, point: Affine) -> str:
    """Why a point is no public key: a flag of the vectors, or nothing."""
    if point is None:
        return "NeutralElement"
    if max(point) >> curve.m:
        return "CoordinateOutOfRange"
    if not curve.contains(point):
        return "PointNotOnCurve"
    if multiple(curve, curve.order, point) is not None:
        return "LowOrderPoint" if point[0] == 0 else "PointNotInSubgroup"
    return ""


def _decoded(curve: BinaryCurve, octets: bytes) -> tuple[str, Affine]:
    """Fault and point of a compressed encoding; not whether it is in the subgroup."""
    if octets == b"\x00":
        return "NeutralElement", None
    if octets[0] not in (2, 3):
        return "BadPointPrefix", None
    if number(octets[1:]) >> curve.m:
        return "CoordinateOutOfRange", None
    point = curve.decompressed(octets)
    return ("", point) if point else ("NoPointForX", None)


def _key_pair(_: VectorFile, case: Case) -> Values:
    curve = CURVES[case["curve"]]
    private = case.integer("privateKey")
    public = multiple(curve, private, curve.generator)
    yield "(the private key is in range)", 0 < private < curve.order
    if public is not None:
        yield "publicX", public[0].to_bytes(curve.octets, "big")
        yield "publicY", public[1].to_bytes(curve.octets, "big")
    yield "publicCompressed", curve.compressed(public)


def _validation(file: VectorFile, case: Case) -> Values:
    point = case.integer("publicX"), case.integer("publicY")
    fault = point_fault(CURVES[case["curve"]], point)
    yield f"(the point's fault is {fault or 'none'!r})", fault == _flagged(file, case)


def check_parameters(curves: dict[str, dict[str, Any]]) -> Values:
    """Statements about the domain parameters that a file quotes."""
    for name, quoted in curves.items():
        curve, length = CURVES[name], 2 * CURVES[name].octets
        x, y = curve.generator
        yield f"({name}: the generator is on the curve)", curve.contains((x, y))
        multiple_of_generator = multiple(curve, curve.order, curve.generator)
        yield f"({name}: the generator has that order)", multiple_of_generator is None
        for key, value in (
            ("fieldBits", curve.m),
            ("fieldOctets", curve.octets),
            ("a", f"{curve.a:0{length}x}"),
            ("b", f"{curve.b:0{length}x}"),
            ("generatorX", f"{x:0{length}x}"),
            ("generatorY", f"{y:0{length}x}"),
            ("generatorCompressed", curve.compressed((x, y)).hex()),
            ("order", f"{curve.order:0{(curve.order.bit_length() + 7) // 8 * 2}x}"),
            ("orderBits", curve.order.bit_length()),
            ("cofactor", curve.cofactor),
            ("reductionPolynomial", _polynomial(curve.polynomial)),
            ("equation", "y^2 + x*y = x^3 + a*x^2 + b"),
        ):
            yield f"({name}: {key} is {value})", quoted[key] == value


def _polynomial(value: int) -> str:
    powers = [power for power in range(value.bit_length()) if value >> power & 1]
    return " + ".join("1" if power == 0 else f"x^{power}" for power in reversed(powers))


def _flagged(file: VectorFile, case: Case) -> str:
    return "" if case.valid else file.fault(case)


def _scalar_multiplication(_: VectorFile, case: Case) -> Values:
    curve = CURVES[case["curve"]]
    peer = case.integer("peerPublicX"), case.integer("peerPublicY")
    yield "(the peer's key is valid)", point_fault(curve, peer) == ""
    yield "peerPublicCompressed", curve.compressed(peer)
    shared = multiple(curve, case.integer("privateKey"), peer)
    if shared is not None:
        yield "sharedX", shared[0].to_bytes(curve.octets, "big")


def _compressed(file: VectorFile, case: Case) -> Values:
    curve = CURVES[case["curve"]]
    fault, point = _decoded(curve, case.octets("point"))
    fault = fault or point_fault(curve, point)
    yield f"(the point's fault is {fault or 'none'!r})", fault == _flagged(file, case)


# -- certificates -----------------------------------------------------------------------------


def certificate_fields(suite: int, certificate: bytes) -> dict[str, bytes]:
    if suite == 1:
        layout = [("publicKeyReconstruction", 22), ("subject", 8), ("issuer", 8)]
        layout += [("attributes", 10)]
    else:
        layout = [("certificateType", 1), ("serialNumber", 8), ("curveId", 1), ("hashId", 1)]
        layout += [("issuer", 8), ("validFrom", 5), ("validTo", 4), ("subject", 8)]
        layout += [("keyUsage", 1), ("publicKeyReconstruction", 37)]
    fields, offset = {}, 0
    for name, length in layout:
        fields[name] = certificate[offset : offset + length]
        offset += length
    return fields


def extract_key(curve: BinaryCurve, suite: int, certificate: bytes, authority: bytes) -> Affine:
    """e * P + Qca, or None when a point cannot be decoded."""
    _, point = _decoded(curve, certificate_fields(suite, certificate)["publicKeyReconstruction"])
    _, trusted = _decoded(curve, authority)
    if point is None or trusted is None:
        return None
    return curve.add(multiple(curve, number(mmo(certificate)), point), trusted)


def _certificate(file: VectorFile, case: Case) -> Values:
    curve, suite = CURVES[case["curve"]], case["cryptographicSuite"]
    certificate, authority = case.octets("certificate"), case.octets("caPublicKey")
    extracted = extract_key(curve, suite, certificate, authority)
    own = None
    if "privateKey" in case:
        own = multiple(curve, case.integer("privateKey"), curve.generator)
    if not case.valid:
        if extracted is not None:
            yield "reconstructedPublicKey", curve.compressed(extracted)
        claimed = case.octets("publicKey")
        agree = curve.compressed(extracted) == claimed == curve.compressed(own)
        yield "(certificate, private and public key disagree)", not agree
        yield "(the reason flagged is there)", _mismatch(file, case, extracted, own)
        return
    for name, value in certificate_fields(suite, certificate).items():
        yield f"certificateFields.{name}", value
    yield "hash", mmo(certificate)
    yield "publicKey", curve.compressed(extracted)
    yield "(the key is valid)", point_fault(curve, extracted) == ""
    has_private = "NoPrivateKey" not in case.flags
    yield "(the private key fits)", own == extracted if has_private else "privateKey" not in case


def _mismatch(file: VectorFile, case: Case, extracted: Affine, own: Affine) -> bool:
    curve, fault = CURVES[case["curve"]], file.fault(case)
    _, trusted = _decoded(curve, case.octets("caPublicKey"))
    claimed = case.octets("publicKey")
    if fault in ("NoPointForX", "BadPointPrefix"):
        return extracted is None
    if fault == "PrivateKeyMismatch":
        return curve.compressed(own) != curve.compressed(extracted)
    if fault == "WrongCaKey":
        return point_fault(curve, trusted) != "" or curve.compressed(extracted) != claimed
    return fault == "CertificateAltered" and curve.compressed(extracted) != claimed


def _certificate_fault(file: VectorFile, case: Case) -> str:
    """What a receiver finds first, checking form, issuer, subject, usage, then the point."""
    suite, certificate = case["cryptographicSuite"], case.octets("certificate")
    length = CERTIFICATE_LENGTHS[suite]
    if len(certificate) != length:
        return "TruncatedCertificate" if len(certificate) < length else "OverlongCertificate"
    fields = certificate_fields(suite, certificate)
    base = certificate_fields(suite, file.case(case["base"]).octets("certificate"))
    checks = [
        ("certificateType", b"\x00", "WrongCertificateType"),
        ("curveId", b"\x0d", "WrongCurveId"),
        ("hashId", b"\x08", "WrongHashId"),
        ("issuer", base["issuer"], "UnknownIssuer"),
        ("subject", case.octets("senderIeeeAddress"), "SubjectMismatch"),
    ]
    for name, wanted, fault in checks:
        if name in fields and fields[name] != wanted:
            return fault
    if "keyUsage" in fields and not fields["keyUsage"][0] & 0x08:
        return "WrongKeyUsage"
    return _decoded(CURVES[case["curve"]], fields["publicKeyReconstruction"])[0]


def _certificate_check(file: VectorFile, case: Case) -> Values:
    curve, fault = CURVES[case["curve"]], file.fault(case)
    found = _certificate_fault(file, case)
    yield f"(the certificate's fault is {found or 'none'!r})", found == fault
    yield "expectedTerminateStatus", STATUS.get(fault, "INVALID_CERTIFICATE")
    certificate, base = case.octets("certificate"), file.case(case["base"])
    original = base.octets("certificate")
    yield "(the authority is the one of the base)", same_but(case, base, "", "caPublicKey curve")
    if fault in ("SubjectMismatch", "WrongKeyUsage"):
        yield "(the certificate was not changed)", certificate == original
    elif fault == "TruncatedCertificate":
        yield "(the last octet is missing)", certificate == original[:-1]
    elif fault == "OverlongCertificate":
        yield "(one octet was added)", certificate[:-1] == original
    else:
        octets = sum(a != b for a, b in zip(certificate, original, strict=True))
        yield "(one octet was changed)", octets == 1
    if "publicKey" in case:
        suite, authority = case["cryptographicSuite"], case.octets("caPublicKey")
        public = extract_key(curve, suite, certificate, authority)
        yield "publicKey", curve.compressed(public)
        own = multiple(curve, case.integer("privateKey"), curve.generator)
        yield "(the private key fits)", own == public


# -- key establishment ------------------------------------------------------------------------


def _avf(octets: bytes, bits: int) -> int:
    return number(octets[1:]) % (1 << bits) + (1 << bits)


def _shared(case: Case, own: str, peer: str, *, cofactor: bool = True, bits: int = 0) -> bytes:
    """Z as computed by ``own``, perhaps in a wrong way."""
    curve = CURVES[case["curve"]]
    bits = bits or -(-curve.order.bit_length() // 2)
    private = case.integer(f"{own}.staticPrivateKey")
    ephemeral = case.integer(f"{own}.ephemeralPrivateKey")
    static_peer = curve.decompressed(case.octets(f"{peer}.staticPublicKey"))
    ephemeral_peer = curve.decompressed(case.octets(f"{peer}.ephemeralPublicKey"))
    s = (ephemeral + _avf(case.octets(f"{own}.ephemeralPublicKey"), bits) * private) % curve.order
    weight = _avf(case.octets(f"{peer}.ephemeralPublicKey"), bits)
    total = curve.add(ephemeral_peer, multiple(curve, weight, static_peer))
    point = multiple(curve, (curve.cofactor if cofactor else 1) * s, total)
    return b"" if point is None else point[0].to_bytes(curve.octets, "big")


def _exchange(_: VectorFile, case: Case) -> Values:
    curve, suite = CURVES[case["curve"]], case["cryptographicSuite"]
    usages = []
    for party in ("initiator", "responder"):
        certificate = case.octets(f"{party}.certificate")
        static = extract_key(curve, suite, certificate, case.octets("caPublicKey"))
        yield f"{party}.staticPublicKey", curve.compressed(static)
        for kind in ("static", "ephemeral"):
            private = case.integer(f"{party}.{kind}PrivateKey")
            public = curve.compressed(multiple(curve, private, curve.generator))
            yield f"{party}.{kind}PublicKey", public
        fields = certificate_fields(suite, certificate)
        yield f"{party}.ieeeAddress", fields["subject"]
        usages += [fields["keyUsage"].hex()] if suite == 2 else []
    yield "keyUsage", usages
    agreement = all(int(usage, 16) & 0x08 for usage in usages)
    flagged = "KeyUsageWithoutKeyAgreement" in case.flags
    yield "(the key usage is flagged rightly)", agreement is not flagged
    if "initiateRequestPayload" in case:  # suite, two generate times in seconds, certificate
        payload = case.octets("initiateRequestPayload")
        rest = suite.to_bytes(2, "little") + payload[2:4] + case.octets("initiator.certificate")
        yield "initiateRequestPayload", rest
    z = _shared(case, "initiator", "responder")
    yield "(both sides compute the same)", z == _shared(case, "responder", "initiator")
    yield "sharedSecretZ", z
    yield from _confirmations(case, z)


def _confirmations(case: Case, z: bytes) -> Values:
    mac_key, key_data = mmo(z + bytes.fromhex("00000001")), mmo(z + bytes.fromhex("00000002"))
    yield "macKey", mac_key
    yield "keyData", key_data
    yield "linkKey", key_data
    u, v = case.octets("initiator.ieeeAddress"), case.octets("responder.ieeeAddress")
    eu = case.octets("initiator.ephemeralPublicKey")
    ev = case.octets("responder.ephemeralPublicKey")
    for name, message in (("U", b"\x02" + u + v + eu + ev), ("V", b"\x03" + v + u + ev + eu)):
        yield f"mac{name}Message", message
        yield f"mac{name}", hmac(mac_key, message)


def _confirmation(file: VectorFile, case: Case) -> Values:
    base = file.case(case["base"])
    z = _shared(base, "initiator", "responder")
    u, v = base.octets("initiator.ieeeAddress"), base.octets("responder.ieeeAddress")
    eu = base.octets("initiator.ephemeralPublicKey")
    ev = base.octets("responder.ephemeralPublicKey")
    yield "sharedSecretZ", z
    yield "initiatorIeeeAddress", u
    yield "responderIeeeAddress", v
    yield "initiatorEphemeralPublicKey", eu
    yield "responderEphemeralPublicKey", ev
    mac_key = mmo(z + bytes.fromhex("00000001"))
    yield "rightMacU", hmac(mac_key, b"\x02" + u + v + eu + ev)
    wrong = _wrong_mac(file.fault(case), base, z)
    if wrong is None:
        bits = flipped_bits(case.octets("receivedMacU"), case.octets("rightMacU"))
        yield "(one bit was changed)", bits == 1
    else:
        yield "receivedMacU", wrong
    yield "(the MAC is another)", case["receivedMacU"] != case["rightMacU"]
    yield "expectedTerminateStatus", "BAD_KEY_CONFIRM"


def _wrong_mac(fault: str, base: Case, z: bytes) -> bytes | None:
    """The MAC that the flagged mistake gives; None for a flipped bit."""
    curve = CURVES[base["curve"]]
    u, v = base.octets("initiator.ieeeAddress"), base.octets("responder.ieeeAddress")
    eu = base.octets("initiator.ephemeralPublicKey")
    ev = base.octets("responder.ephemeralPublicKey")
    counter, prefix = bytes.fromhex("00000001"), b"\x02"
    if fault == "FlippedMacBit":
        return None
    if fault == "SwappedMac":
        prefix, u, v, eu, ev = b"\x03", v, u, ev, eu
    elif fault == "WrongMessagePrefix":
        prefix = b"\x03"
    elif fault == "WrongAddressOrder":
        u, v = u[::-1], v[::-1]
    elif fault == "UncompressedInMac":
        eu, ev = (curve.uncompressed(curve.decompressed(point)) for point in (eu, ev))
    elif fault == "KdfCounterLittleEndian":
        counter = counter[::-1]
    elif fault == "StrippedLeadingZero":
        z = z.lstrip(b"\x00")
    elif fault == "NoCofactor":
        z = _shared(base, "initiator", "responder", cofactor=False)
    elif fault == "WrongAvfLength":
        z = _shared(base, "initiator", "responder", bits=(curve.m + 1) // 2)
    else:
        raise ValueError(f"no MAC is known for {fault}")
    return hmac(mmo(z + counter), prefix + u + v + eu + ev)


RULES: dict[str, Rule] = {
    "EcKeyPair": rule("privateKey", _key_pair),
    "EcPublicKeyValidation": rule("publicX publicY", _validation),
    "EcScalarMult": rule("privateKey peerPublicX peerPublicY", _scalar_multiplication),
    "CompressedPoint": rule("point", _compressed),
    "EcqvReconstruct": rule("foundIn caPublicKey certificate privateKey publicKey", _certificate),
    "CertificateCheck": rule(
        "caPublicKey certificate senderIeeeAddress privateKey", _certificate_check
    ),
    "SeCbke": rule(
        "caPublicKey"
        + "".join(
            f" {party}.{name}"
            for party in ("initiator", "responder")
            for name in ("certificate", "staticPrivateKey", "ephemeralPrivateKey")
        ),
        _exchange,
        "keyUsage",
    ),
    "CbkeConfirm": rule("receivedMacU", _confirmation),
}
