"""The general commands (ZCL 075123, 2.4): a dataclass each, with `to_bytes` and `from_bytes`.

    ReadAttributes([0x0000, 0x0004]).to_bytes()
    WriteAttributes([AttributeValue(0x0000, "uint16", 30)])
    ReadAttributesResponse.from_bytes(payload).records[0].value

Types are identifiers as on the wire; for sending their names ("uint16") serve as well. `trailing`
keeps octets after a command of fixed size, so that every command that parses is rebuilt octet for
octet. Lists of records have no length: what is left over is a record cut short, and an error.
All `from_bytes` and `to_bytes` raise `CodecError`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import ClassVar, Self

from zigbee.types import Reader
from zigbee.zcl.frame import LAYER
from zigbee.zcl.records import (
    AttributeRecord,
    AttributeValue,
    DiscoveredAttribute,
    ReportingConfiguration,
    ReportingQuery,
    ReportingRecord,
    ReportingStatus,
    Selector,
    StructuredQuery,
    StructuredStatus,
    StructuredValue,
    WriteStatus,
    join,
    read_all,
    read_failures,
    uint,
)

__all__ = [
    "BY_COMMAND",
    "FIELDS",
    "AttributeRecord",
    "AttributeValue",
    "ConfigureReporting",
    "ConfigureReportingResponse",
    "DefaultResponse",
    "DiscoverAttributes",
    "DiscoverAttributesResponse",
    "DiscoveredAttribute",
    "GeneralCommand",
    "ReadAttributes",
    "ReadAttributesResponse",
    "ReadAttributesStructured",
    "ReadReportingConfiguration",
    "ReadReportingConfigurationResponse",
    "ReportAttributes",
    "ReportingConfiguration",
    "ReportingQuery",
    "ReportingRecord",
    "ReportingStatus",
    "Selector",
    "StructuredQuery",
    "StructuredStatus",
    "StructuredValue",
    "WriteAttributes",
    "WriteAttributesNoResponse",
    "WriteAttributesResponse",
    "WriteAttributesStructured",
    "WriteAttributesStructuredResponse",
    "WriteAttributesUndivided",
    "WriteStatus",
]


@dataclass(slots=True)
class ReadAttributes:
    """0x00: asks for attributes by identifier."""

    COMMAND: ClassVar[int] = 0x00
    attributes: list[int] = field(default_factory=list)

    def to_bytes(self) -> bytes:
        return b"".join([uint(attribute, 2, "attribute") for attribute in self.attributes])

    @classmethod
    def from_bytes(cls, octets: bytes) -> Self:
        return cls(read_all(octets, lambda reader: reader.u16("attribute")))


@dataclass(slots=True)
class ReadAttributesResponse:
    """0x01: the attributes' values, or why there is none."""

    COMMAND: ClassVar[int] = 0x01
    records: list[AttributeRecord] = field(default_factory=list)

    def to_bytes(self) -> bytes:
        return join(self.records)

    @classmethod
    def from_bytes(cls, octets: bytes) -> Self:
        return cls(read_all(octets, AttributeRecord.read))


@dataclass(slots=True)
class _Values:
    """A list of attributes with their values."""

    records: list[AttributeValue] = field(default_factory=list)

    def to_bytes(self) -> bytes:
        return join(self.records)

    @classmethod
    def from_bytes(cls, octets: bytes) -> Self:
        return cls(read_all(octets, AttributeValue.read))


@dataclass(slots=True)
class WriteAttributes(_Values):
    """0x02: writes attributes, each on its own."""

    COMMAND: ClassVar[int] = 0x02


@dataclass(slots=True)
class WriteAttributesUndivided(_Values):
    """0x03: writes all of the attributes or none."""

    COMMAND: ClassVar[int] = 0x03


@dataclass(slots=True)
class WriteAttributesResponse:
    """0x04: the attributes not written; no records: all were, a single 0x00 on the wire."""

    COMMAND: ClassVar[int] = 0x04
    records: list[WriteStatus] = field(default_factory=list)

    def to_bytes(self) -> bytes:
        return join(self.records) or b"\x00"

    @classmethod
    def from_bytes(cls, octets: bytes) -> Self:
        return cls(read_failures(octets, WriteStatus.read))


@dataclass(slots=True)
class WriteAttributesNoResponse(_Values):
    """0x05: writes attributes and wants no answer."""

    COMMAND: ClassVar[int] = 0x05


@dataclass(slots=True)
class ConfigureReporting:
    """0x06: how attributes are to be reported."""

    COMMAND: ClassVar[int] = 0x06
    records: list[ReportingConfiguration] = field(default_factory=list)

    def to_bytes(self) -> bytes:
        return join(self.records)

    @classmethod
    def from_bytes(cls, octets: bytes) -> Self:
        return cls(read_all(octets, ReportingConfiguration.read))


@dataclass(slots=True)
class ConfigureReportingResponse:
    """0x07: the attributes not configured; no records: all were, a single 0x00 on the wire."""

    COMMAND: ClassVar[int] = 0x07
    records: list[ReportingStatus] = field(default_factory=list)

    def to_bytes(self) -> bytes:
        return join(self.records) or b"\x00"

    @classmethod
    def from_bytes(cls, octets: bytes) -> Self:
        return cls(read_failures(octets, ReportingStatus.read))


@dataclass(slots=True)
class ReadReportingConfiguration:
    """0x08: asks how attributes are reported."""

    COMMAND: ClassVar[int] = 0x08
    records: list[ReportingQuery] = field(default_factory=list)

    def to_bytes(self) -> bytes:
        return join(self.records)

    @classmethod
    def from_bytes(cls, octets: bytes) -> Self:
        return cls(read_all(octets, ReportingQuery.read))


@dataclass(slots=True)
class ReadReportingConfigurationResponse:
    """0x09: how attributes are reported."""

    COMMAND: ClassVar[int] = 0x09
    records: list[ReportingRecord] = field(default_factory=list)

    def to_bytes(self) -> bytes:
        return join(self.records)

    @classmethod
    def from_bytes(cls, octets: bytes) -> Self:
        return cls(read_all(octets, ReportingRecord.read))


@dataclass(slots=True)
class ReportAttributes(_Values):
    """0x0A: attributes and their values, unasked."""

    COMMAND: ClassVar[int] = 0x0A


@dataclass(slots=True)
class DefaultResponse:
    """0x0B: the status of `command`, for want of a response of its own."""

    COMMAND: ClassVar[int] = 0x0B
    command: int
    status: int
    trailing: bytes = b""

    def to_bytes(self) -> bytes:
        return uint(self.command, 1, "command") + uint(self.status, 1, "status") + self.trailing

    @classmethod
    def from_bytes(cls, octets: bytes) -> Self:
        reader = Reader(octets, LAYER)
        return cls(reader.u8("command"), reader.u8("status"), reader.rest())


@dataclass(slots=True)
class DiscoverAttributes:
    """0x0C: asks which attributes there are, from `start` on, at most `maximum`."""

    COMMAND: ClassVar[int] = 0x0C
    start: int
    maximum: int
    trailing: bytes = b""

    def to_bytes(self) -> bytes:
        return uint(self.start, 2, "start") + uint(self.maximum, 1, "maximum") + self.trailing

    @classmethod
    def from_bytes(cls, octets: bytes) -> Self:
        reader = Reader(octets, LAYER)
        return cls(reader.u16("start"), reader.u8("maximum"), reader.rest())


@dataclass(slots=True)
class DiscoverAttributesResponse:
    """0x0D: attributes and their types; `complete` 1 when there are no more."""

    COMMAND: ClassVar[int] = 0x0D
    complete: int
    records: list[DiscoveredAttribute] = field(default_factory=list)

    def to_bytes(self) -> bytes:
        return uint(self.complete, 1, "complete") + join(self.records)

    @classmethod
    def from_bytes(cls, octets: bytes) -> Self:
        reader = Reader(octets, LAYER)
        found = cls(reader.u8("complete"))
        while reader.remaining:
            found.records.append(DiscoveredAttribute.read(reader))
        return found


@dataclass(slots=True)
class ReadAttributesStructured:
    """0x0E: asks for parts of structured attributes."""

    COMMAND: ClassVar[int] = 0x0E
    records: list[StructuredQuery] = field(default_factory=list)

    def to_bytes(self) -> bytes:
        return join(self.records)

    @classmethod
    def from_bytes(cls, octets: bytes) -> Self:
        return cls(read_all(octets, StructuredQuery.read))


@dataclass(slots=True)
class WriteAttributesStructured:
    """0x0F: writes parts of structured attributes."""

    COMMAND: ClassVar[int] = 0x0F
    records: list[StructuredValue] = field(default_factory=list)

    def to_bytes(self) -> bytes:
        return join(self.records)

    @classmethod
    def from_bytes(cls, octets: bytes) -> Self:
        return cls(read_all(octets, StructuredValue.read))


@dataclass(slots=True)
class WriteAttributesStructuredResponse:
    """0x10: the parts not written; no records: all were, a single 0x00 on the wire."""

    COMMAND: ClassVar[int] = 0x10
    records: list[StructuredStatus] = field(default_factory=list)

    def to_bytes(self) -> bytes:
        return join(self.records) or b"\x00"

    @classmethod
    def from_bytes(cls, octets: bytes) -> Self:
        return cls(read_failures(octets, StructuredStatus.read))


GeneralCommand = (
    ReadAttributes
    | ReadAttributesResponse
    | WriteAttributes
    | WriteAttributesUndivided
    | WriteAttributesResponse
    | WriteAttributesNoResponse
    | ConfigureReporting
    | ConfigureReportingResponse
    | ReadReportingConfiguration
    | ReadReportingConfigurationResponse
    | ReportAttributes
    | DefaultResponse
    | DiscoverAttributes
    | DiscoverAttributesResponse
    | ReadAttributesStructured
    | WriteAttributesStructured
    | WriteAttributesStructuredResponse
)

BY_COMMAND: dict[int, type[GeneralCommand]] = {
    kind.COMMAND: kind
    for kind in (
        ReadAttributes,
        ReadAttributesResponse,
        WriteAttributes,
        WriteAttributesUndivided,
        WriteAttributesResponse,
        WriteAttributesNoResponse,
        ConfigureReporting,
        ConfigureReportingResponse,
        ReadReportingConfiguration,
        ReadReportingConfigurationResponse,
        ReportAttributes,
        DefaultResponse,
        DiscoverAttributes,
        DiscoverAttributesResponse,
        ReadAttributesStructured,
        WriteAttributesStructured,
        WriteAttributesStructuredResponse,
    )
}
"""The general commands by identifier."""

FIELDS: dict[type[GeneralCommand], tuple[str, ...]] = {
    kind: tuple(entry.name for entry in fields(kind) if entry.name != "trailing")
    for kind in BY_COMMAND.values()
}
"""Their field names, `trailing` left out."""
