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

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Protocol, Self, TypeVar

from zigbee.errors import CodecError
from zigbee.types import Reader
from zigbee.zcl import types
from zigbee.zcl.frame import LAYER

SUCCESS = 0x00
_REPORTED = 0x00
_SET_WHOLE = 0

Record = TypeVar("Record")
TypeRef = int | str


def _uint(value: int, octets: int, name: str) -> bytes:
    try:
        return value.to_bytes(octets, "little")
    except (OverflowError, AttributeError, TypeError):
        raise CodecError(LAYER, name, 0, f"{value!r} does not fit {octets} octets") from None


def _typed(type_: TypeRef | None, value: Any, name: str) -> bytes:
    if type_ is None:
        raise CodecError(LAYER, name, 0, "a value needs its type")
    return bytes((types.data_type(type_).id,)) + types.encode(type_, value, name)


@dataclass(slots=True)
class AttributeRecord:
    """One attribute read: `type` (identifier) and `value` only when `status` is SUCCESS."""

    attribute: int
    status: int = SUCCESS
    type: TypeRef | None = None
    value: Any = None

    def to_bytes(self) -> bytes:
        head = _uint(self.attribute, 2, "attribute") + _uint(self.status, 1, "status")
        return head + _typed(self.type, self.value, "value") if self.status == SUCCESS else head

    @classmethod
    def read(cls, reader: Reader) -> Self:
        attribute = reader.u16("attribute")
        status = reader.u8("status")
        if status != SUCCESS:
            return cls(attribute, status)
        type_ = reader.u8("type")
        return cls(attribute, status, type_, types.decode(type_, reader))


@dataclass(slots=True)
class AttributeValue:
    """One attribute to write, or reported."""

    attribute: int
    type: TypeRef
    value: Any

    def to_bytes(self) -> bytes:
        return _uint(self.attribute, 2, "attribute") + _typed(self.type, self.value, "value")

    @classmethod
    def read(cls, reader: Reader) -> Self:
        attribute = reader.u16("attribute")
        type_ = reader.u8("type")
        return cls(attribute, type_, types.decode(type_, reader))


@dataclass(slots=True)
class WriteStatus:
    """One attribute that was not written, and why."""

    status: int
    attribute: int

    def to_bytes(self) -> bytes:
        return _uint(self.status, 1, "status") + _uint(self.attribute, 2, "attribute")

    @classmethod
    def read(cls, reader: Reader) -> Self:
        return cls(reader.u8("status"), reader.u16("attribute"))


@dataclass(slots=True)
class ReportingConfiguration:
    """How an attribute is reported.

    `direction` 0: the receiver is to report, with `type`, `minimum` and `maximum` intervals (s)
    and, for analog types only, the reportable `change`. 1: it is to expect reports within
    `timeout` (s).
    """

    direction: int
    attribute: int
    type: TypeRef | None = None
    minimum: int | None = None
    maximum: int | None = None
    change: Any = None
    timeout: int | None = None

    def to_bytes(self) -> bytes:
        head = _uint(self.direction, 1, "direction") + _uint(self.attribute, 2, "attribute")
        return head + self.body()

    def body(self) -> bytes:
        """What follows direction and attribute."""
        if self.direction != _REPORTED:
            return _uint(self.timeout or 0, 2, "timeout")
        if self.type is None:
            raise CodecError(LAYER, "type", 0, "a configuration to report needs the type")
        entry = types.data_type(self.type)
        octets = bytes((entry.id,)) + _uint(self.minimum or 0, 2, "minimum")
        octets += _uint(self.maximum or 0, 2, "maximum")
        return octets + types.encode(entry.id, self.change, "change") if entry.analog else octets

    @classmethod
    def read(cls, reader: Reader) -> Self:
        return cls.read_body(reader, reader.u8("direction"), reader.u16("attribute"))

    @classmethod
    def read_body(cls, reader: Reader, direction: int, attribute: int) -> Self:
        if direction != _REPORTED:
            return cls(direction, attribute, timeout=reader.u16("timeout"))
        type_ = reader.u8("type")
        entry = types.BY_ID.get(type_)
        if entry is None:
            raise reader.error("type", f"{type_:#04x} is no ZCL data type")
        found = cls(direction, attribute, type_, reader.u16("minimum"), reader.u16("maximum"))
        if entry.analog:
            found.change = types.decode(type_, reader, "change")
        return found


@dataclass(slots=True)
class ReportingStatus:
    """One attribute whose reporting was not configured, and why."""

    status: int
    direction: int
    attribute: int

    def to_bytes(self) -> bytes:
        head = _uint(self.status, 1, "status") + _uint(self.direction, 1, "direction")
        return head + _uint(self.attribute, 2, "attribute")

    @classmethod
    def read(cls, reader: Reader) -> Self:
        return cls(reader.u8("status"), reader.u8("direction"), reader.u16("attribute"))


@dataclass(slots=True)
class ReportingQuery:
    """An attribute whose reporting configuration is asked for."""

    direction: int
    attribute: int

    def to_bytes(self) -> bytes:
        return _uint(self.direction, 1, "direction") + _uint(self.attribute, 2, "attribute")

    @classmethod
    def read(cls, reader: Reader) -> Self:
        return cls(reader.u8("direction"), reader.u16("attribute"))


@dataclass(slots=True)
class ReportingRecord:
    """The reporting configuration of an attribute; `configuration` only when status is SUCCESS."""

    status: int
    direction: int
    attribute: int
    configuration: ReportingConfiguration | None = None

    def to_bytes(self) -> bytes:
        head = _uint(self.status, 1, "status") + _uint(self.direction, 1, "direction")
        head += _uint(self.attribute, 2, "attribute")
        if self.status != SUCCESS:
            return head
        if self.configuration is None:
            raise CodecError(LAYER, "configuration", 0, "is needed when the status is SUCCESS")
        return head + self.configuration.body()

    @classmethod
    def read(cls, reader: Reader) -> Self:
        found = cls(reader.u8("status"), reader.u8("direction"), reader.u16("attribute"))
        if found.status == SUCCESS:
            found.configuration = ReportingConfiguration.read_body(
                reader, found.direction, found.attribute
            )
        return found


@dataclass(slots=True)
class DiscoveredAttribute:
    """An attribute the device has, and its type."""

    attribute: int
    type: TypeRef

    def to_bytes(self) -> bytes:
        return _uint(self.attribute, 2, "attribute") + bytes((types.data_type(self.type).id,))

    @classmethod
    def read(cls, reader: Reader) -> Self:
        attribute = reader.u16("attribute")
        type_ = reader.u8("type")
        if type_ not in types.BY_ID:
            raise reader.error("type", f"{type_:#04x} is no ZCL data type")
        return cls(attribute, type_)


@dataclass(slots=True)
class Selector:
    """Which part of a structured attribute: an index for each level; none is the whole.

    `action` is the upper half of the indicator octet: 0 set, 1 add to a set or bag, 2 remove.
    """

    indexes: list[int] = field(default_factory=list)
    action: int = _SET_WHOLE

    def to_bytes(self) -> bytes:
        if len(self.indexes) > 15 or not 0 <= self.action <= 15:
            raise CodecError(LAYER, "selector", 0, "at most 15 indexes, and actions 0 to 15")
        octets = bytes((self.action << 4 | len(self.indexes),))
        return octets + b"".join([_uint(index, 2, "selector") for index in self.indexes])

    @classmethod
    def read(cls, reader: Reader) -> Self:
        indicator = reader.u8("selector")
        indexes = [reader.u16("selector") for _ in range(indicator & 0x0F)]
        return cls(indexes, indicator >> 4)


@dataclass(slots=True)
class StructuredQuery:
    """A part of an attribute to read."""

    attribute: int
    selector: Selector

    def to_bytes(self) -> bytes:
        return _uint(self.attribute, 2, "attribute") + self.selector.to_bytes()

    @classmethod
    def read(cls, reader: Reader) -> Self:
        return cls(reader.u16("attribute"), Selector.read(reader))


@dataclass(slots=True)
class StructuredValue:
    """A part of an attribute to write."""

    attribute: int
    selector: Selector
    type: TypeRef
    value: Any

    def to_bytes(self) -> bytes:
        head = _uint(self.attribute, 2, "attribute") + self.selector.to_bytes()
        return head + _typed(self.type, self.value, "value")

    @classmethod
    def read(cls, reader: Reader) -> Self:
        attribute = reader.u16("attribute")
        selector = Selector.read(reader)
        type_ = reader.u8("type")
        return cls(attribute, selector, type_, types.decode(type_, reader))


@dataclass(slots=True)
class StructuredStatus:
    """A part of an attribute that was not written, and why."""

    status: int
    attribute: int
    selector: Selector

    def to_bytes(self) -> bytes:
        head = _uint(self.status, 1, "status") + _uint(self.attribute, 2, "attribute")
        return head + self.selector.to_bytes()

    @classmethod
    def read(cls, reader: Reader) -> Self:
        return cls(reader.u8("status"), reader.u16("attribute"), Selector.read(reader))


class _Writable(Protocol):
    def to_bytes(self) -> bytes: ...


def _read_all(octets: bytes, read: Callable[[Reader], Record]) -> list[Record]:
    reader = Reader(octets, LAYER)
    records = []
    while reader.remaining:
        records.append(read(reader))
    return records


def _join(records: list[Any]) -> bytes:
    return b"".join([record.to_bytes() for record in records])


def _read_failures(octets: bytes, read: Callable[[Reader], Record]) -> list[Record]:
    """The records of a response that is a single 0x00 when all went well."""
    if octets == b"\x00":
        return []
    if not octets:
        raise CodecError(LAYER, "status", 0, "the payload is empty")
    return _read_all(octets, read)


@dataclass(slots=True)
class ReadAttributes:
    """0x00: asks for attributes by identifier."""

    COMMAND: ClassVar[int] = 0x00
    attributes: list[int] = field(default_factory=list)

    def to_bytes(self) -> bytes:
        return b"".join([_uint(attribute, 2, "attribute") for attribute in self.attributes])

    @classmethod
    def from_bytes(cls, octets: bytes) -> Self:
        return cls(_read_all(octets, lambda reader: reader.u16("attribute")))


@dataclass(slots=True)
class ReadAttributesResponse:
    """0x01: the attributes' values, or why there is none."""

    COMMAND: ClassVar[int] = 0x01
    records: list[AttributeRecord] = field(default_factory=list)

    def to_bytes(self) -> bytes:
        return _join(self.records)

    @classmethod
    def from_bytes(cls, octets: bytes) -> Self:
        return cls(_read_all(octets, AttributeRecord.read))


@dataclass(slots=True)
class _Values:
    """A list of attributes with their values."""

    records: list[AttributeValue] = field(default_factory=list)

    def to_bytes(self) -> bytes:
        return _join(self.records)

    @classmethod
    def from_bytes(cls, octets: bytes) -> Self:
        return cls(_read_all(octets, AttributeValue.read))


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
        return _join(self.records) or b"\x00"

    @classmethod
    def from_bytes(cls, octets: bytes) -> Self:
        return cls(_read_failures(octets, WriteStatus.read))


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
        return _join(self.records)

    @classmethod
    def from_bytes(cls, octets: bytes) -> Self:
        return cls(_read_all(octets, ReportingConfiguration.read))


@dataclass(slots=True)
class ConfigureReportingResponse:
    """0x07: the attributes not configured; no records: all were, a single 0x00 on the wire."""

    COMMAND: ClassVar[int] = 0x07
    records: list[ReportingStatus] = field(default_factory=list)

    def to_bytes(self) -> bytes:
        return _join(self.records) or b"\x00"

    @classmethod
    def from_bytes(cls, octets: bytes) -> Self:
        return cls(_read_failures(octets, ReportingStatus.read))


@dataclass(slots=True)
class ReadReportingConfiguration:
    """0x08: asks how attributes are reported."""

    COMMAND: ClassVar[int] = 0x08
    records: list[ReportingQuery] = field(default_factory=list)

    def to_bytes(self) -> bytes:
        return _join(self.records)

    @classmethod
    def from_bytes(cls, octets: bytes) -> Self:
        return cls(_read_all(octets, ReportingQuery.read))


@dataclass(slots=True)
class ReadReportingConfigurationResponse:
    """0x09: how attributes are reported."""

    COMMAND: ClassVar[int] = 0x09
    records: list[ReportingRecord] = field(default_factory=list)

    def to_bytes(self) -> bytes:
        return _join(self.records)

    @classmethod
    def from_bytes(cls, octets: bytes) -> Self:
        return cls(_read_all(octets, ReportingRecord.read))


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
        return _uint(self.command, 1, "command") + _uint(self.status, 1, "status") + self.trailing

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
        return _uint(self.start, 2, "start") + _uint(self.maximum, 1, "maximum") + self.trailing

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
        return _uint(self.complete, 1, "complete") + _join(self.records)

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
        return _join(self.records)

    @classmethod
    def from_bytes(cls, octets: bytes) -> Self:
        return cls(_read_all(octets, StructuredQuery.read))


@dataclass(slots=True)
class WriteAttributesStructured:
    """0x0F: writes parts of structured attributes."""

    COMMAND: ClassVar[int] = 0x0F
    records: list[StructuredValue] = field(default_factory=list)

    def to_bytes(self) -> bytes:
        return _join(self.records)

    @classmethod
    def from_bytes(cls, octets: bytes) -> Self:
        return cls(_read_all(octets, StructuredValue.read))


@dataclass(slots=True)
class WriteAttributesStructuredResponse:
    """0x10: the parts not written; no records: all were, a single 0x00 on the wire."""

    COMMAND: ClassVar[int] = 0x10
    records: list[StructuredStatus] = field(default_factory=list)

    def to_bytes(self) -> bytes:
        return _join(self.records) or b"\x00"

    @classmethod
    def from_bytes(cls, octets: bytes) -> Self:
        return cls(_read_failures(octets, StructuredStatus.read))


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
