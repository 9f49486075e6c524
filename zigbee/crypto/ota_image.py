"""The signature of an over-the-air upgrade image, suite 1.

Source: ZigBee Over-the-Air Upgrading Cluster 095264, 6.3 (file format) and 6.7 (signing).  A file
is a header, whose length stands at offset 6, and elements: tag (2 octets), length (4), content; all
little-endian.  Element 0002 holds the signer's certificate (48 octets).  The last element, 0001,
holds the signer's EUI-64 (8, low octet first) and r || s (42).  Signed is all but those 42.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from . import ecdsa
from .ecqv import Random, parse, public_key
from .errors import CryptoError
from .suite import SUITE1

FILE_IDENTIFIER = bytes.fromhex("1ef1ee0b")
TAG_SIGNATURE = 0x0001
TAG_CERTIFICATE = 0x0002

_SIGNATURE_LENGTH = ecdsa.signature_length(SUITE1)
_SIGNATURE_ELEMENT = 6 + 8 + _SIGNATURE_LENGTH  # tag, length, signer, r || s
_MINIMUM_HEADER = 56


class ImageFault(StrEnum):
    """Why an image is refused."""

    IDENTIFIER = "no upgrade file"
    LENGTH = "the file does not have the length its header or its elements give"
    UNSIGNED = "the last element is no signature"
    CERTIFICATE = "there is no signer's certificate, or a bad one"
    SIGNER = "the signer's address is not the subject of the certificate"
    SIGNATURE = "the signature does not verify"


class ImageError(CryptoError):
    """An upgrade image that a client must not install; the cause is chained when it has one."""

    fault: ImageFault


def elements(file: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (tag, content) of each element; ImageError when the lengths do not add up."""
    if file[:4] != FILE_IDENTIFIER:
        raise ImageError(ImageFault.IDENTIFIER, f"the file begins with {file[:4].hex()}")
    header = int.from_bytes(file[6:8], "little")
    if not _MINIMUM_HEADER <= header <= len(file):
        detail = f"a header of {header} octets in a file of {len(file)}"
        raise ImageError(ImageFault.LENGTH, detail)
    if (total := int.from_bytes(file[52:56], "little")) != len(file):
        detail = f"the header gives {total} octets, the file has {len(file)}"
        raise ImageError(ImageFault.LENGTH, detail)
    offset = header
    while offset < len(file):
        tag = int.from_bytes(file[offset : offset + 2], "little")
        length = int.from_bytes(file[offset + 2 : offset + 6], "little")
        start, offset = offset + 6, offset + 6 + length
        if offset > len(file):
            detail = f"element {tag:04x} of {length} octets ends beyond the file"
            raise ImageError(ImageFault.LENGTH, detail)
        yield tag, file[start:offset]


def verify_image(file: bytes, ca_public: bytes) -> bytes:
    """Return the signer's EUI-64 (8 octets, most significant first) of a rightly signed image.

    ``ca_public`` is the authority's compressed public key.  Raises ImageError for any other file.
    """
    parts = list(elements(file))
    if not parts or parts[-1][0] != TAG_SIGNATURE:
        raise ImageError(ImageFault.UNSIGNED, ImageFault.UNSIGNED.value)
    signature = parts[-1][1]
    if len(signature) != 8 + _SIGNATURE_LENGTH:
        detail = f"a signature element holds {8 + _SIGNATURE_LENGTH} octets, not {len(signature)}"
        raise ImageError(ImageFault.LENGTH, detail)
    certificates = [content for tag, content in parts if tag == TAG_CERTIFICATE]
    if len(certificates) != 1 or len(certificates[0]) != SUITE1.certificate_length:
        raise ImageError(ImageFault.CERTIFICATE, "not one certificate of 48 octets")
    signer, subject = signature[7::-1], parse(certificates[0]).subject
    if signer != subject:
        detail = f"signed by {signer.hex()}, the certificate is for {subject.hex()}"
        raise ImageError(ImageFault.SIGNER, detail)
    try:
        public = public_key(certificates[0], ca_public)
    except CryptoError as error:
        raise ImageError(ImageFault.CERTIFICATE, f"signer's certificate: {error}") from error
    try:
        ecdsa.verify(SUITE1, public, file[:-_SIGNATURE_LENGTH], signature[8:])
    except CryptoError as error:
        raise ImageError(ImageFault.SIGNATURE, str(error)) from error
    return signer


def sign_image(unsigned: bytes, certificate: bytes, private_key: int, random: Random) -> bytes:
    """Return ``unsigned`` with certificate and signature elements appended.

    ``unsigned`` is a file without either; its total image size is corrected, its header and other
    elements are kept.  ImageError when its lengths do not add up.
    """
    for _ in elements(unsigned):
        pass
    total = len(unsigned) + 6 + len(certificate) + _SIGNATURE_ELEMENT
    body = unsigned[:52] + total.to_bytes(4, "little") + unsigned[56:]
    body += TAG_CERTIFICATE.to_bytes(2, "little") + len(certificate).to_bytes(4, "little")
    body += certificate + TAG_SIGNATURE.to_bytes(2, "little")
    body += (8 + _SIGNATURE_LENGTH).to_bytes(4, "little") + parse(certificate).subject[::-1]
    return body + ecdsa.sign(SUITE1, private_key, body, random)
