"""The data model of cluster definitions: what a definition file may say.

Files are TOML; the models are pydantic's, so that a mistake is reported with the file and the key.
`since` and `removed` name profile revisions: "1.0" is 075356r15, "1.1" r16, "1.1a" r17, "1.1b" r18,
"1.2" r19 and later; as strings they sort in their order.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from zigbee.zcl.frame import Direction
from zigbee.zcl.types import BY_NAME, DataType

Revision = Literal["1.0", "1.1", "1.1a", "1.1b", "1.2"]
Side = Literal["server", "client"]
Number = Annotated[int, Field(strict=True)]

_DIRECTIONS = {"client_to_server": Direction.TO_SERVER, "server_to_client": Direction.TO_CLIENT}


def _direction(text: object) -> Direction:
    if isinstance(text, str) and text in _DIRECTIONS:
        return _DIRECTIONS[text]
    raise ValueError(f"{text!r} is not one of {', '.join(_DIRECTIONS)}")


SentBy = Annotated[
    Direction, BeforeValidator(_direction), WithJsonSchema({"enum": list(_DIRECTIONS)})
]


class Model(BaseModel):
    """Base of the models: immutable, and no unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class EnumValue(Model):
    """One named value of an enumeration."""

    value: Number
    name: str
    meaning: str = ""
    since: Revision = "1.0"


class BitField(Model):
    """One named bit, or several under a mask, of a bitmap."""

    name: str
    bit: Number | None = None
    mask: Number | None = None
    meaning: str = ""
    since: Revision = "1.0"

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.bit is None) == (self.mask is None):
            raise ValueError("needs either bit or mask")
        return self

    @property
    def bits(self) -> int:
        """The mask of the bits, in place."""
        return self.mask if self.mask is not None else 1 << (self.bit or 0)


class Part(Model):
    """One part, at a fixed place, of a field that is octets to the codec."""

    offset: Number
    length: Number
    name: str
    meaning: str = ""


class FieldDefinition(Model):
    """One field of a command.

    `type` is a ZCL type name, or "octets" (no length prefix of its own; `length` octets, or those
    that a field named there counts, or the "rest"), "list" (of `item`) or "struct" (of `fields`).
    A `prefix` ("uint8") precedes octets and structures with their length and a list with its count.
    `count` names the field that counts a list, or is "rest".

    `not_used` is the value that says "does not apply", the field still being on the wire;
    `trailing_optional`: the field may be missing from the end, and all later ones then too (or only
    when the condition given holds); `optional_use`: senders always put it, receivers accept its
    absence; `present_if`: a condition on an earlier field ("Status == SUCCESS", "Control bit 0").
    """

    name: str
    type: str
    length: Number | str | None = None
    prefix: Literal["uint8"] | None = None
    item: str | None = None
    count: str | None = None
    fields: tuple[FieldDefinition, ...] = ()
    present_if: str | None = None
    trailing_optional: bool | str = False
    optional_use: bool = False
    not_used: Number | None = None
    default: Number | bool | str | None = None
    invalid: Number | None = None
    min: Number | None = None
    max: Number | None = None
    max_length: Number | None = None
    unit: str = ""
    enum: str | None = None
    bitmap: str | None = None
    layout: str | None = None
    since: Revision = "1.0"
    removed: Revision | None = None
    note: str = ""
    unresolved: bool = False

    @model_validator(mode="after")
    def _check_shape(self) -> Self:
        scalar = self.type in BY_NAME
        if not scalar and self.type not in ("octets", "list", "struct"):
            raise ValueError(f"{self.name}: {self.type!r} is no type")
        if self.type == "octets" and (self.length is None) == (self.prefix is None):
            raise ValueError(f"{self.name}: octets need either length or prefix")
        if self.type == "list" and (self.count is None) == (self.prefix is None):
            raise ValueError(f"{self.name}: a list needs either count or prefix")
        if self.type == "list" and self.item not in BY_NAME and self.item != "struct":
            raise ValueError(f"{self.name}: {self.item!r} is no item type")
        if (self.type == "struct" or self.item == "struct") != bool(self.fields):
            raise ValueError(f"{self.name}: fields belong to structures, and structures need them")
        return self

    @property
    def may_be_missing(self) -> bool:
        """Whether a receiver accepts a frame that ends before this field."""
        return bool(self.trailing_optional) or self.optional_use


class AttributeDefinition(Model):
    """One attribute. `later_type` is its type from revision 1.2 on, where that differs."""

    side: Side
    id: Number
    name: str
    type: str
    access: Literal["r", "rw", "w"]
    mandatory: bool
    since: Revision
    default: Number | bool | str | None = None
    min: Number | None = None
    max: Number | None = None
    max_length: Number | None = None
    invalid: Number | None = None
    unit: str = ""
    enum: str | None = None
    bitmap: str | None = None
    later_type: str | None = None
    note: str = ""
    unresolved: bool = False

    @model_validator(mode="after")
    def _check_type(self) -> Self:
        for name in (self.type, self.later_type):
            if name is not None and name not in BY_NAME:
                raise ValueError(f"{self.name}: {name!r} is no ZCL data type")
        return self

    @property
    def data_type(self) -> DataType:
        """The ZCL data type of its values."""
        return BY_NAME[self.type]

    @property
    def writable(self) -> bool:
        return "w" in self.access


class LaterCommand(Model):
    """A command of a revision after 1.1 whose layout is not given: unknown to a 1.0/1.1 device."""

    id: Number
    direction: SentBy
    name: str
    since: Revision


class Security(Model):
    """How the cluster's frames are secured (075356, 5.4.6), on whose word, and how sure that is."""

    aps_link_key_required: bool
    key: str
    clause: str
    aps_ack_on_unicast: str = ""
    on_wrong_key: str = ""
    basis: str
    supported_by: str = ""
    exception: str = ""
    inter_pan: str = ""
    note: str = ""
    was: str = ""
    doubt: str = ""
    unresolved: bool = False


class ClusterHead(Model):
    """The identity of a cluster; `short` is the name used in code and file names."""

    id: Number
    name: str
    short: str
    other_name: str = ""
    since: Revision
    annex: str
    security: Security
