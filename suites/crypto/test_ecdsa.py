"""ECDSA on both curves, and the signature of an upgrade image."""

from suites.crypto.expect import expect_equal, expect_refusal, fault_of
from zigbee.crypto.curve import CURVES, Point
from zigbee.crypto.ecdsa import SignatureFault, sign_digest, verify_digest
from zigbee.crypto.ecqv import public_key
from zigbee.crypto.mmo import mmo_hash
from zigbee.crypto.ota_image import ImageFault, verify_image
from zigbee.ota_file import OtaFile, Tag

ALGORITHM = "ecdsa"
CLAUSES = ["OTA-SIG", "SE-C.4.2"]

IMAGE_REASONS = {
    "AlteredImage": ImageFault.SIGNATURE,
    "SignatureAltered": ImageFault.SIGNATURE,
    "ZeroSignature": ImageFault.SIGNATURE,
    "OrderSignature": ImageFault.SIGNATURE,
    "SignerMismatch": ImageFault.SIGNER,
    "TruncatedFile": ImageFault.FORMAT,
}


def test_ecdsa(vector):
    if vector["type"] == "OtaImageSignature":
        check_image(vector)
    else:
        check_signature(vector, CURVES[vector["curve"]])


def check_signature(vector, curve):
    digest = vector.octets("digest")
    if "msg" in vector:
        expect_equal("digest", digest, mmo_hash(vector.octets("msg")))
    pair = vector.integer("signatureR"), vector.integer("signatureS")
    if not vector.valid:
        point = Point(vector.integer("publicX"), vector.integer("publicY"))
        wrong = SignatureFault.WRONG  # every altered key of the vectors is a valid key, another
        expect_refusal("signature", lambda: verify_digest(curve, point, digest, *pair), wrong)
        return
    public = curve.decompress(vector.octets("publicKey"))
    verify_digest(curve, public, digest, *pair)
    if "privateKey" in vector:
        private, nonce = vector.integer("privateKey"), vector.integer("nonceK")
        expect_equal("public key", public, curve.multiply_generator(private))
        expect_equal("r and s", pair, sign_digest(curve, private, digest, nonce))


def check_image(vector):
    file, authority = vector.octets("otaFile"), vector.octets("caPublicKey")
    if not vector.valid:
        reason = IMAGE_REASONS[fault_of(ALGORITHM, vector)]
        expect_refusal("upgrade image", lambda: verify_image(file, authority), reason)
        return
    signer = vector.octets("signerIeeeAddressOnAir")[::-1]
    expect_equal("signer", signer, verify_image(file, authority).to_be())
    signed = file[: vector["signedLength"]]
    expect_equal("digest", vector.octets("digest"), mmo_hash(signed))
    signature = vector.octets("signatureR") + vector.octets("signatureS")
    expect_equal("signature", signature, file[vector["signedLength"] :])
    certificate = vector.octets("signerCertificate")
    element = OtaFile.from_bytes(file).element(Tag.ECDSA_SIGNING_CERTIFICATE)
    expect_equal("certificate", certificate, element.data)
    public = CURVES[vector["curve"]].compress(public_key(certificate, authority))
    expect_equal("signer's public key", vector.octets("publicKey"), public)
