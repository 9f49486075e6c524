"""Implicit certificates: extraction of the public key, and what must be refused."""

from suites.crypto.expect import expect_equal, expect_refusal, fault_of
from zigbee.crypto.curve import CURVES
from zigbee.crypto.ecqv import check, parse, public_key
from zigbee.crypto.errors import CertificateFault, CryptoError, PointFault
from zigbee.crypto.mmo import mmo_hash
from zigbee.crypto.suite import TEST_CA_ISSUER, TEST_CA_PUBLIC

ALGORITHM = "ecqv_certificate"
CLAUSES = ["SE-C.4.2", "SE-C.5"]

REASONS = {
    "NoPointForX": CertificateFault.POINT,
    "BadPointPrefix": CertificateFault.POINT,
    "TruncatedCertificate": CertificateFault.LENGTH,
    "OverlongCertificate": CertificateFault.LENGTH,
    "SubjectMismatch": CertificateFault.SUBJECT,
    "UnknownIssuer": CertificateFault.ISSUER,
    "WrongKeyUsage": CertificateFault.KEY_USAGE,
    "WrongCurveId": CertificateFault.CURVE,
    "WrongHashId": CertificateFault.HASH,
    "WrongCertificateType": CertificateFault.TYPE,
}
AUTHORITY_REASONS = {  # the published cases that change the authority's key instead
    "WrongCaKey": PointFault.SUBGROUP,
    "BadPointPrefix": PointFault.PREFIX,
}
FIELDS = {  # name in the vectors -> attribute
    "publicKeyReconstruction": "reconstruction",
    "subject": "subject",
    "issuer": "issuer",
    "attributes": "attributes",
    "serialNumber": "serial",
    "validFrom": "valid_from",
    "validTo": "valid_to",
}
NUMBERS = {
    "certificateType": "certificate_type",
    "curveId": "curve_id",
    "hashId": "hash_id",
    "keyUsage": "key_usage",
}


def test_ecqv_certificate(vector):
    if vector["type"] == "CertificateCheck":
        check_refused(vector)
    elif vector.valid:
        check_extraction(vector)
    else:
        check_mismatch(vector)


def check_extraction(vector):
    curve, certificate = CURVES[vector["curve"]], vector.octets("certificate")
    fields = parse(certificate)
    expect_equal("certificate made of its fields", certificate, fields.to_bytes())
    for name, value in vector["certificateFields"].items():
        if name in FIELDS:
            expect_equal(name, value, getattr(fields, FIELDS[name]).hex())
        else:
            expect_equal(name, int(value, 16), getattr(fields, NUMBERS[name]))
    expect_equal("hash", vector.octets("hash"), mmo_hash(certificate))
    public = public_key(certificate, vector.octets("caPublicKey"))
    expect_equal("public key", vector.octets("publicKey"), curve.compress(public))
    if "privateKey" in vector:
        own = curve.multiply_generator(vector.integer("privateKey"))
        expect_equal("public key of the private key", public, own)


def check_mismatch(vector):
    """The certificate, the authority's key or the private key was changed: they must not agree."""
    curve, certificate = CURVES[vector["curve"]], vector.octets("certificate")
    fault = fault_of(ALGORITHM, vector)
    authority = vector.octets("caPublicKey")
    if fault in AUTHORITY_REASONS and authority not in TEST_CA_PUBLIC.values():
        reason = AUTHORITY_REASONS[fault]
        expect_refusal("authority's key", lambda: public_key(certificate, authority), reason)
        return
    if fault in REASONS:
        reason = REASONS[fault]
        expect_refusal("certificate", lambda: public_key(certificate, authority), reason)
        return
    public = curve.compress(public_key(certificate, authority))
    expect_equal("extracted key", vector.octets("reconstructedPublicKey"), public)
    own = curve.compress(curve.multiply_generator(vector.integer("privateKey")))
    agree = public == own == vector.octets("publicKey")
    expect_equal("certificate, private key and claimed public key agree", False, agree)


def check_refused(vector):
    certificate, authority = vector.octets("certificate"), vector.octets("caPublicKey")
    issuer = TEST_CA_ISSUER[vector["cryptographicSuite"]]

    def receive():
        check(certificate, issuer=issuer, sender=vector.octets("senderIeeeAddress"))
        return public_key(certificate, authority)

    error = expect_refusal("certificate", receive, REASONS[fault_of(ALGORITHM, vector)])
    expect_equal("a typed refusal", True, isinstance(error, CryptoError))
