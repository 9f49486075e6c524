"""The OTA upgrade file (ZigBee OTA Upgrade Cluster 095264, 6.3): header and sub-elements.

All numbers are little-endian, the signer's EUI-64 too; only inside the signing certificate is the
subject as in every certificate, most significant octet first.

    image = OtaFile(OtaHeader(0x1037, 0x0001, 0x00000002), [Element(Tag.UPGRADE_IMAGE, octets)])
    image.to_bytes()                      # header length and total size are filled in
    OtaFile.from_bytes(octets).element(Tag.UPGRADE_IMAGE).data

`HeaderLength` and `TotalImageSize` are computed unless they are given: given ones are sent as they
are, so that files that lie can be made. Parsing is bounded by the octets at hand: a length that
reaches beyond them is a `CodecError`, before anything is allocated.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Self

from zigbee.errors import CodecError
from zigbee.types import Eui64, Reader

LAYER = "ota"
FILE_IDENTIFIER = 0x0BEEF11E
HEADER_VERSION = 0x0100
STACK_PRO = 0x0002
MAXIMUM_SIZE = 16 * 1024 * 1024
"""Octets of the largest file that is parsed; far above any device's image."""
MAXIMUM_ELEMENTS = 4096

_FIXED = struct.Struct("<IHHHHHIH32sI")
_ELEMENT = struct.Struct("<HI")
_SIGNER_LENGTH = 8
_SIGNATURE_LENGTH = 42
_CREDENTIAL, _DESTINATION, _HARDWARE = 0x0001, 0x0002, 0x0004


class Tag(IntEnum):
    """Sub-element tags (6.3.3)."""

    UPGRADE_IMAGE = 0x0000
    ECDSA_SIGNATURE = 0x0001
    ECDSA_SIGNING_CERTIFICATE = 0x0002


class ImageType(IntEnum):
    """Image types with a meaning of their own (6.3.2.6)."""

    CLIENT_SECURITY_CREDENTIALS = 0xFFC0
    CLIENT_CONFIGURATION = 0xFFC1
    SERVER_LOG = 0xFFC2
    WILD_CARD = 0xFFFF


@dataclass(slots=True)
class OtaHeader:
    """The file's header.

    `string` is 32 octets, zero-filled. The three optional parts are there when they are not None:
    `credential_version` (0 SE 1.0, 1 SE 1.1, 2 SE 2.0), `destination` (a file for one device),
    `hardware` (lowest and highest hardware version). `field_control` bits beyond those three and
    octets in the header after its last known field are kept in `reserved_control` and `extra`.
    """

    manufacturer: int
    image_type: int
    file_version: int
    string: bytes = b""
    stack_version: int = STACK_PRO
    credential_version: int | None = None
    destination: Eui64 | None = None
    hardware: tuple[int, int] | None = None
    header_version: int = HEADER_VERSION
    identifier: int = FILE_IDENTIFIER
    reserved_control: int = 0
    extra: bytes = b""
    header_length: int | None = None
    total_size: int | None = None

    @property
    def field_control(self) -> int:
        """Which optional parts there are, as on the wire."""
        control = self.reserved_control
        control |= _CREDENTIAL if self.credential_version is not None else 0
        control |= _DESTINATION if self.destination is not None else 0
        return control | (_HARDWARE if self.hardware is not None else 0)

    def _optional(self) -> bytes:
        octets = b""
        if self.credential_version is not None:
            octets += struct.pack("<B", self.credential_version)
        if self.destination is not None:
            octets += Eui64(self.destination).to_le()
        if self.hardware is not None:
            octets += struct.pack("<HH", *self.hardware)
        return octets + self.extra

    def to_bytes(self, body_size: int = 0) -> bytes:
        """The header's octets, before a body of `body_size` octets; raises `CodecError`."""
        if len(self.string) > 32:
            raise CodecError(LAYER, "string", 0, f"{len(self.string)} octets; at most 32 fit")
        try:
            optional = self._optional()
            length = _FIXED.size + len(optional)
            head = _FIXED.pack(
                self.identifier,
                self.header_version,
                length if self.header_length is None else self.header_length,
                self.field_control,
                self.manufacturer,
                self.image_type,
                self.file_version,
                self.stack_version,
                self.string,
                length + body_size if self.total_size is None else self.total_size,
            )
        except struct.error as error:
            raise CodecError(LAYER, "header", 0, str(error)) from None
        return head + optional

    @classmethod
    def from_bytes(cls, octets: bytes) -> Self:
        """Parse the header at the start of a file; raises `CodecError` when it is none or cut.

        `header_length` and `total_size` are set to what the file says.
        """
        if len(octets) < _FIXED.size:
            reason = f"{len(octets)} octets; the header has at least {_FIXED.size}"
            raise CodecError(LAYER, "header", len(octets), reason)
        identifier, version, length, control, *rest = _FIXED.unpack_from(octets)
        manufacturer, image_type, file_version, stack_version, string, total = rest
        if identifier != FILE_IDENTIFIER:
            reason = f"{identifier:#010x} is not {FILE_IDENTIFIER:#010x}"
            raise CodecError(LAYER, "identifier", 0, reason)
        if not _FIXED.size <= length <= len(octets):
            reason = f"{length} is not in {_FIXED.size} to {len(octets)}, the octets at hand"
            raise CodecError(LAYER, "header_length", 6, reason)
        header = cls(manufacturer, image_type, file_version, string, stack_version)
        header.header_version = version
        header.header_length = length
        header.total_size = total
        header._read_optional(Reader(octets[_FIXED.size : length], LAYER, _FIXED.size), control)
        return header

    def _read_optional(self, reader: Reader, control: int) -> None:
        if control & _CREDENTIAL:
            self.credential_version = reader.u8("credential_version")
        if control & _DESTINATION:
            self.destination = reader.eui64("destination")
        if control & _HARDWARE:
            self.hardware = (reader.u16("hardware"), reader.u16("hardware"))
        self.reserved_control = control & ~(_CREDENTIAL | _DESTINATION | _HARDWARE)
        self.extra = reader.rest()


@dataclass(slots=True)
class Element:
    """A sub-element: tag and data. A `length` that is not None is sent instead of the true one."""

    tag: int
    data: bytes
    length: int | None = None

    def to_bytes(self) -> bytes:
        """Tag, length and data; raises `CodecError` for a number that does not fit."""
        try:
            length = len(self.data) if self.length is None else self.length
            return _ELEMENT.pack(self.tag, length) + self.data
        except struct.error as error:
            raise CodecError(LAYER, "element", 0, str(error)) from None


@dataclass(slots=True)
class Signature:
    """The data of an ECDSA signature element: the signer, and 42 octets (r and s, 21 each)."""

    signer: Eui64
    signature: bytes

    def to_element(self) -> Element:
        """The sub-element that carries it."""
        return Element(Tag.ECDSA_SIGNATURE, self.signer.to_le() + self.signature)

    @classmethod
    def from_element(cls, element: Element) -> Self:
        """Raises `CodecError` when the data is not 50 octets."""
        data = element.data
        if len(data) != _SIGNER_LENGTH + _SIGNATURE_LENGTH:
            reason = f"{len(data)} octets, not {_SIGNER_LENGTH + _SIGNATURE_LENGTH}"
            raise CodecError(LAYER, "signature", 0, reason)
        signer = Eui64.from_bytes_le(data[:_SIGNER_LENGTH])
        return cls(signer, data[_SIGNER_LENGTH:])


@dataclass(slots=True)
class OtaFile:
    """A whole file; `trailing` holds octets beyond the total size that the header announces."""

    header: OtaHeader
    elements: list[Element] = field(default_factory=list)
    trailing: bytes = b""

    def to_bytes(self) -> bytes:
        """The file's octets; raises `CodecError` for a number that does not fit."""
        body = b"".join([element.to_bytes() for element in self.elements])
        return self.header.to_bytes(len(body)) + body + self.trailing

    @classmethod
    def from_bytes(cls, octets: bytes) -> Self:
        """Parse a file; raises `CodecError` when a length in it does not agree with its octets."""
        if len(octets) > MAXIMUM_SIZE:
            reason = f"{len(octets)} octets; at most {MAXIMUM_SIZE} are parsed"
            raise CodecError(LAYER, "file", 0, reason)
        header = OtaHeader.from_bytes(octets)
        start, total = header.header_length or 0, header.total_size or 0
        if not start <= total <= len(octets):
            reason = f"{total} is not in {start} to {len(octets)}, the octets at hand"
            raise CodecError(LAYER, "total_size", 52, reason)
        elements = _read_elements(Reader(octets[start:total], LAYER, start))
        return cls(header, elements, octets[total:])

    def element(self, tag: int) -> Element | None:
        """The first sub-element with this tag."""
        return next((element for element in self.elements if element.tag == tag), None)

    def signed_octets(self) -> bytes:
        """What the signature is made over: the file up to the 42 octets of the signature (6.4).

        That is the header, the elements before, and the signature element's tag, length and signer.
        Raises `CodecError` when there is no signature element.
        """
        element = self.element(Tag.ECDSA_SIGNATURE)
        if element is None:
            raise CodecError(LAYER, "signature", 0, "the file has no signature element")
        octets = self.to_bytes()
        end = len(octets) - len(self.trailing)
        for other in reversed(self.elements):
            end -= len(other.data)
            if other is element:
                return octets[: end + _SIGNER_LENGTH]
            end -= _ELEMENT.size
        return octets[:end]


def _read_elements(reader: Reader) -> list[Element]:
    elements: list[Element] = []
    while reader.remaining:
        if len(elements) == MAXIMUM_ELEMENTS:
            raise reader.error("element", f"more than {MAXIMUM_ELEMENTS} sub-elements")
        tag = reader.u16("tag")
        length = reader.u32("length")
        elements.append(Element(tag, reader.take(length, "data")))
    return elements
