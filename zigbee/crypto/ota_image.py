"""The signature of an over-the-air upgrade image, suite 1.

Source: ZigBee Over-the-Air Upgrading Cluster 095264, image signature.  The file itself is cut up by
``zigbee.ota_file``: one element holds the signer's certificate (48 octets), the last one the
signer's EUI-64 and r || s (42 octets).  Signed is all of the file but those 42 octets.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from ..errors import CodecError
from ..ota_file import Element, OtaFile, Signature, Tag
from ..types import Eui64
from . import ecdsa
from .ecqv import Random, parse, public_key
from .errors import CryptoError
from .suite import SUITE1

_SIGNATURE_LENGTH = ecdsa.signature_length(SUITE1)


class ImageFault(StrEnum):
    """Why an image is refused."""

    FORMAT = "the file cannot be cut up"
    UNSIGNED = "the file does not end with a signature"
    CERTIFICATE = "there is no signer's certificate, or a bad one"
    SIGNER = "the signer's address is not the subject of the certificate"
    SIGNATURE = "the signature does not verify"


class ImageError(CryptoError):
    """An upgrade image that a client must not install; the cause is chained when it has one."""

    fault: ImageFault


def verify_image(octets: bytes, ca_public: bytes) -> Eui64:
    """Return the signer of a rightly signed image.

    ``ca_public`` is the authority's compressed public key.  Raises ImageError for any other file.
    """
    try:
        file = OtaFile.from_bytes(octets)
        if file.trailing or not file.elements or file.elements[-1].tag != Tag.ECDSA_SIGNATURE:
            raise ImageError(ImageFault.UNSIGNED, ImageFault.UNSIGNED.value)
        signature = Signature.from_element(file.elements[-1])
    except CodecError as error:
        raise ImageError(ImageFault.FORMAT, str(error)) from error
    certificates = [e.data for e in file.elements if e.tag == Tag.ECDSA_SIGNING_CERTIFICATE]
    if len(certificates) != 1 or len(certificates[0]) != SUITE1.certificate_length:
        raise ImageError(ImageFault.CERTIFICATE, "not one certificate of 48 octets")
    subject = Eui64.from_bytes_be(parse(certificates[0]).subject)
    if signature.signer != subject:
        detail = f"signed by {signature.signer}, the certificate is for {subject}"
        raise ImageError(ImageFault.SIGNER, detail)
    try:
        public = public_key(certificates[0], ca_public)
    except CryptoError as error:
        raise ImageError(ImageFault.CERTIFICATE, f"signer's certificate: {error}") from error
    try:
        ecdsa.verify(SUITE1, public, octets[:-_SIGNATURE_LENGTH], signature.signature)
    except CryptoError as error:
        raise ImageError(ImageFault.SIGNATURE, str(error)) from error
    return subject


def sign_image(file: OtaFile, certificate: bytes, private_key: int, random: Random) -> OtaFile:
    """Return a copy of ``file`` with certificate and signature elements at its end.

    The signer is the certificate's subject.  Lengths that the header states on its own are dropped,
    so that those of the signed file are right.
    """
    signature = Signature(Eui64.from_bytes_be(parse(certificate).subject), bytes(_SIGNATURE_LENGTH))
    elements = [*file.elements, Element(Tag.ECDSA_SIGNING_CERTIFICATE, certificate)]
    elements.append(signature.to_element())
    header = replace(file.header, header_length=None, total_size=None)
    signed = OtaFile(header, elements)
    signature.signature = ecdsa.sign(SUITE1, private_key, signed.signed_octets(), random)
    elements[-1] = signature.to_element()
    return signed
