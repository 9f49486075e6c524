"""Arithmetic and point validation on sect163k1 and sect283k1."""

from suites.crypto.expect import expect_equal, expect_refusal, fault_of
from zigbee.crypto.curve import CURVES, Point
from zigbee.crypto.errors import PointFault

ALGORITHM = "sec2_curves"
CLAUSES = ["SE-C.4.2"]

REASONS = {
    "PointNotOnCurve": PointFault.NOT_ON_CURVE,
    "PointNotInSubgroup": PointFault.SUBGROUP,
    "LowOrderPoint": PointFault.SUBGROUP,
    "CoordinateOutOfRange": PointFault.RANGE,
    "NoPointForX": PointFault.NO_POINT,
    "BadPointPrefix": PointFault.PREFIX,
    "NeutralElement": PointFault.NEUTRAL,
}


def test_sec2_curves(vector):
    CHECKS[vector["type"]](vector, CURVES[vector["curve"]])


def check_key_pair(vector, curve):
    private = vector.integer("privateKey")
    public = Point(vector.integer("publicX"), vector.integer("publicY"))
    expect_equal("public key", public, curve.multiply_generator(private))
    expect_equal("public key, general method", public, curve.multiply(private, curve.generator))
    compressed = vector.octets("publicCompressed")
    expect_equal("compressed", compressed, curve.compress(public))
    expect_equal("decompressed", public, curve.decompress(compressed))


def check_validation(vector, curve):
    point = Point(vector.integer("publicX"), vector.integer("publicY"))
    if vector.valid:
        expect_equal("point", point, curve.validate(point))
    else:
        reason = REASONS[fault_of(ALGORITHM, vector)]
        expect_refusal("point", lambda: curve.validate(point), reason)


def check_scalar_multiplication(vector, curve):
    peer = Point(vector.integer("peerPublicX"), vector.integer("peerPublicY"))
    expect_equal("compressed", vector.octets("peerPublicCompressed"), curve.compress(peer))
    expect_equal("decompressed", peer, curve.decompress(vector.octets("peerPublicCompressed")))
    shared = curve.multiply(vector.integer("privateKey"), peer)
    expect_equal("x of the product", vector.integer("sharedX"), shared and shared.x)


def check_compressed(vector, curve):
    reason = REASONS[fault_of(ALGORITHM, vector)]
    expect_refusal("compressed point", lambda: curve.decompress(vector.octets("point")), reason)


CHECKS = {
    "EcKeyPair": check_key_pair,
    "EcPublicKeyValidation": check_validation,
    "EcScalarMult": check_scalar_multiplication,
    "CompressedPoint": check_compressed,
}
