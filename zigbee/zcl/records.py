"""The records that general commands are lists of (ZCL 075123, 2.4): one dataclass each.

Each has `to_bytes` and `read`, which takes the next one from a reader. Types are identifiers as on
the wire; for sending their names ("uint16") serve as well. All raise `CodecError`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from zigbee.errors import CodecError
from zigbee.types import Reader
from zigbee.zcl import types
from zigbee.zcl.frame import LAYER

SUCCESS = 0x00
REPORTED = 0x00
"""The direction of a configuration that makes the receiver report."""
SET_WHOLE = 0

Record = TypeVar("Record")
TypeRef = int | str


def uint(value: int, octets: int, name: str) -> bytes:
    """`value` little-endian; raises `CodecError` naming the field when it does not fit."""
    try:
        return value.to_bytes(octets, "little")
    except (OverflowError, AttributeError, TypeError):
        raise CodecError(LAYER, name, 0, f"{value!r} does not fit {octets} octets") from None


def typed(type_: TypeRef | None, value: Any, name: str) -> bytes:
    """A type identifier and a value of that type."""
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
        head = uint(self.attribute, 2, "attribute") + uint(self.status, 1, "status")
        return head + typed(self.type, self.value, "value") if self.status == SUCCESS else head

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
        return uint(self.attribute, 2, "attribute") + typed(self.type, self.value, "value")

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
        return uint(self.status, 1, "status") + uint(self.attribute, 2, "attribute")

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
        head = uint(self.direction, 1, "direction") + uint(self.attribute, 2, "attribute")
        return head + self.body()

    def body(self) -> bytes:
        """What follows direction and attribute."""
        if self.direction != REPORTED:
            return uint(self.timeout or 0, 2, "timeout")
        if self.type is None:
            raise CodecError(LAYER, "type", 0, "a configuration to report needs the type")
        entry = types.data_type(self.type)
        octets = bytes((entry.id,)) + uint(self.minimum or 0, 2, "minimum")
        octets += uint(self.maximum or 0, 2, "maximum")
        return octets + types.encode(entry.id, self.change, "change") if entry.analog else octets

    @classmethod
    def read(cls, reader: Reader) -> Self:
        return cls.read_body(reader, reader.u8("direction"), reader.u16("attribute"))

    @classmethod
    def read_body(cls, reader: Reader, direction: int, attribute: int) -> Self:
        if direction != REPORTED:
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
        head = uint(self.status, 1, "status") + uint(self.direction, 1, "direction")
        return head + uint(self.attribute, 2, "attribute")

    @classmethod
    def read(cls, reader: Reader) -> Self:
        return cls(reader.u8("status"), reader.u8("direction"), reader.u16("attribute"))


@dataclass(slots=True)
class ReportingQuery:
    """An attribute whose reporting configuration is asked for."""

    direction: int
    attribute: int

    def to_bytes(self) -> bytes:
        return uint(self.direction, 1, "direction") + uint(self.attribute, 2, "attribute")

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
        head = uint(self.status, 1, "status") + uint(self.direction, 1, "direction")
        head += uint(self.attribute, 2, "attribute")
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
        return uint(self.attribute, 2, "attribute") + bytes((types.data_type(self.type).id,))

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
    action: int = SET_WHOLE

    def to_bytes(self) -> bytes:
        if len(self.indexes) > 15 or not 0 <= self.action <= 15:
            raise CodecError(LAYER, "selector", 0, "at most 15 indexes, and actions 0 to 15")
        octets = bytes((self.action << 4 | len(self.indexes),))
        return octets + b"".join([uint(index, 2, "selector") for index in self.indexes])

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
        return uint(self.attribute, 2, "attribute") + self.selector.to_bytes()

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
        head = uint(self.attribute, 2, "attribute") + self.selector.to_bytes()
        return head + typed(self.type, self.value, "value")

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
        head = uint(self.status, 1, "status") + uint(self.attribute, 2, "attribute")
        return head + self.selector.to_bytes()

    @classmethod
    def read(cls, reader: Reader) -> Self:
        return cls(reader.u8("status"), reader.u16("attribute"), Selector.read(reader))


def read_all(octets: bytes, read: Callable[[Reader], Record]) -> list[Record]:
    """Records up to the end of the octets; one cut short is an error."""
    reader = Reader(octets, LAYER)
    records = []
    while reader.remaining:
        records.append(read(reader))
    return records


def join(records: list[Any]) -> bytes:
    """The octets of the records, one after the other."""
    return b"".join([record.to_bytes() for record in records])


def read_failures(octets: bytes, read: Callable[[Reader], Record]) -> list[Record]:
    """The records of a response that is a single 0x00 when all went well."""
    if octets == b"\x00":
        return []
    if not octets:
        raise CodecError(LAYER, "status", 0, "the payload is empty")
    return read_all(octets, read)
