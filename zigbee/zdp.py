"""ZigBee device profile: requests and responses of endpoint 0 (ZigBee 053474r17, 2.4).

    message = zdp.build("Match_Desc_req", 0x21, NWKAddrOfInterest=0x0000, ProfileID=0x0109,
                        InClusterList=[0x0700], OutClusterList=[])
    message.cluster, message.to_bytes()
    zdp.parse(0x8006, payload).fields["MatchList"]

A payload is one octet of transaction sequence and the command's fields, little-endian. Structures
(`SimpleDescriptor`, the entries of tables) are dicts; a descriptor whose octets do not parse is
bytes. The definitions are data (`data/zdp.toml`); the codec is that of cluster commands.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import cache, cached_property
from importlib import resources
from typing import Any, Literal

from pydantic import Field, ValidationError

from zigbee.errors import CodecError
from zigbee.zcl.codec import Layout, Raw
from zigbee.zcl.filling import fill, unknown_field
from zigbee.zcl.loader import DefinitionError, explain
from zigbee.zcl.model import BitField, FieldDefinition, Model, Number
from zigbee.zcl.values import Fields

LAYER = "zdp"
PROFILE = 0x0000
RESPONSE = 0x8000
"""The bit that a response's cluster has over its request's."""


class Status(IntEnum):
    """ZDP status codes (2.4.5)."""

    SUCCESS = 0x00
    INV_REQUESTTYPE = 0x80
    DEVICE_NOT_FOUND = 0x81
    INVALID_EP = 0x82
    NOT_ACTIVE = 0x83
    NOT_SUPPORTED = 0x84
    TIMEOUT = 0x85
    NO_MATCH = 0x86
    NO_ENTRY = 0x88
    NO_DESCRIPTOR = 0x89
    INSUFFICIENT_SPACE = 0x8A
    NOT_PERMITTED = 0x8B
    TABLE_FULL = 0x8C
    NOT_AUTHORIZED = 0x8D


class Definition(Model):
    """One command; `id` is its cluster."""

    id: Number
    name: str
    fields: tuple[FieldDefinition, ...]

    @cached_property
    def layout(self) -> Layout:
        """The compiled decoder and encoder of what follows the transaction sequence."""
        return Layout(self.name, self.fields, LAYER)

    @property
    def is_response(self) -> bool:
        return self.id & RESPONSE != 0

    def __repr__(self) -> str:
        return f"<zdp.Definition {self.name}, {self.id:#06x}>"


class _File(Model):
    schema_version: Literal[1] = Field(alias="schema")
    bitmaps: dict[str, tuple[BitField, ...]]
    commands: tuple[Definition, ...]


@dataclass(slots=True)
class Message:
    """A ZDP command. `fields` holds what is on the wire; `trailing` the octets after it.

    Where the cluster is not known `trailing` is everything after the sequence and `reason` says so.
    """

    name: str
    cluster: int
    sequence: int
    fields: Fields = field(default_factory=dict)
    trailing: bytes = b""
    reason: str = ""

    def to_bytes(self) -> bytes:
        """The APS payload; raises `CodecError` for a value that does not fit."""
        if not 0 <= self.sequence <= 0xFF:
            raise CodecError(LAYER, "sequence", 0, f"{self.sequence} does not fit one octet")
        known = _by_id().get(self.cluster)
        body = known.layout.encode(self.fields) if known else b""
        return bytes((self.sequence,)) + body + self.trailing

    def replace(self, /, **fields: Any) -> Message:
        """A copy with these values, unchecked: the way to a wrong message."""
        return replace(self, fields=self.fields | fields)

    def raw(self, /, **fields: bytes) -> Message:
        """A copy that sends these octets in the place of the fields."""
        return self.replace(**{name: Raw(octets) for name, octets in fields.items()})

    def drop(self, *names: str) -> Message:
        """A copy that does not send these fields; raises `CodecError` for one it does not have."""
        for name in names:
            if name not in self.fields:
                known = definition(self.cluster).fields
                raise unknown_field(LAYER, self.name, name, known)
        kept = {name: value for name, value in self.fields.items() if name not in names}
        return replace(self, fields=kept)

    def extend(self, octets: bytes) -> Message:
        """A copy with more octets after the last field."""
        return replace(self, trailing=self.trailing + octets)


@cache
def _file() -> _File:
    origin = "zdp.toml"
    text = resources.files("zigbee").joinpath("data", origin).read_text(encoding="utf-8")
    try:
        return _File.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise DefinitionError(f"{origin}: {error}") from None
    except ValidationError as error:
        raise DefinitionError(explain(error, origin)) from None


@cache
def _by_id() -> dict[int, Definition]:
    return {entry.id: entry for entry in _file().commands}


@cache
def _by_name() -> dict[str, Definition]:
    return {entry.name: entry for entry in _file().commands}


def definitions() -> tuple[Definition, ...]:
    """Every command defined."""
    return _file().commands


def bitmaps() -> Mapping[str, tuple[BitField, ...]]:
    """The named bits of bitmap fields."""
    return _file().bitmaps


def definition(which: int | str) -> Definition:
    """The command of this cluster or name; raises `KeyError` naming the commands for none."""
    found = _by_id().get(which) if isinstance(which, int) else _by_name().get(which)
    if found is None:
        shown = f"{which:#06x}" if isinstance(which, int) else repr(which)
        raise KeyError(f"{shown} is no ZDP command; they are: {', '.join(_by_name())}")
    return found


def build(name: str, sequence: int, /, **fields: Any) -> Message:
    """A right message; counts are filled. Raises `CodecError` for unknown and missing fields."""
    entry = definition(name)
    complete = fill(LAYER, entry.name, entry.fields, fields, "1.1")
    return Message(entry.name, entry.id, sequence, complete)


def parse(cluster_id: int, payload: bytes) -> Message:
    """The message in an APS payload on this cluster; raises `CodecError` when it is cut."""
    if not payload:
        raise CodecError(LAYER, "sequence", 0, "the payload is empty")
    entry = _by_id().get(cluster_id)
    if entry is None:
        name = f"Cluster{cluster_id:#06x}"
        return Message(name, cluster_id, payload[0], {}, payload[1:], "no such command here")
    fields, end = entry.layout.decode(payload, 1)
    return Message(entry.name, cluster_id, payload[0], fields, payload[end:])
