"""Clusters and their commands: definitions loaded from data, and the commands they build and parse.

    price = zcl.cluster("price")                       # or zcl.cluster(0x0700)
    publish = price.command("PublishPrice")
    octets = publish.build(ProviderID=1, RateLabel=b"T1", ...)
    command = publish.parse(octets)
    command.fields["Price"], command.trailing

Right commands come from `CommandDefinition.build`: it refuses unknown names, asks for missing ones,
and fills the fields not named with their not-used value or their default, up to what the given
profile revision knows. A field that counts another (a list, data) is filled with the true count.

Wrong commands start from a right one, and are changed on purpose. Each method gives a new command:

    right = publish.new(ProviderID=1, ...)             # a Command, not yet octets
    right.replace(DurationInMinutes=0)                 # any value the octets can hold
    right.replace(NumberOfPeriodsDelivered=9)          # a count that lies
    right.raw(RateLabel=b"\\x20abc")                    # octets in place of a field: a wrong length
    right.drop("GenerationPrice")                      # a field not sent; those after it move up
    right.cut(7)                                       # only the first 7 octets
    right.extend(b"\\x00\\x01")                          # octets after the last field
    right.replace(Price=5).drop("RateLabel").to_bytes()

`ClusterDefinition.faults` judges a received command: ranges, enumerations, reserved bits, length.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from pydantic import Field

from zigbee.errors import CodecError
from zigbee.zcl.codec import Layout, Raw
from zigbee.zcl.filling import fill, unknown_field
from zigbee.zcl.frame import LAYER, Direction
from zigbee.zcl.general import GeneralCommand
from zigbee.zcl.judging import Fault, faults
from zigbee.zcl.model import (
    AttributeDefinition,
    BitField,
    ClusterHead,
    EnumValue,
    FieldDefinition,
    LaterCommand,
    Model,
    Number,
    Part,
    Revision,
    Security,
    SentBy,
    Side,
)
from zigbee.zcl.values import Fields

__all__ = [
    "DEFAULT_REVISION",
    "AttributeDefinition",
    "ClusterDefinition",
    "Command",
    "CommandDefinition",
    "FieldDefinition",
    "LaterCommand",
]

DEFAULT_REVISION: Revision = "1.1"


class CommandDefinition(Model):
    """One cluster command. `direction` is the side it is sent to; `id` its command identifier.

    `inter_pan` says that it may travel as an unsecured inter-PAN frame (075356, Annex B).
    """

    id: Number
    direction: SentBy
    name: str
    mandatory: bool = False
    since: Revision = "1.0"
    removed: Revision | None = None
    payload_length: Number | None = None
    inter_pan: bool = False
    inter_pan_basis: str = ""
    note: str = ""
    unresolved: bool = False
    fields: tuple[FieldDefinition, ...]

    @cached_property
    def layout(self) -> Layout:
        """The compiled decoder and encoder."""
        return Layout(self.name, self.fields, LAYER)

    def __repr__(self) -> str:
        return f"<CommandDefinition {self.name}, {self.id:#04x} {self.direction.name}>"

    def field(self, name: str) -> FieldDefinition:
        """The field of this name; raises `CodecError` listing the fields when there is none."""
        for definition in self.fields:
            if definition.name == name:
                return definition
        raise unknown_field(LAYER, self.name, name, self.fields)

    def build(self, /, *, revision: str = DEFAULT_REVISION, **fields: Any) -> bytes:
        """The payload of a right command. See `new`."""
        return self.layout.encode(self.complete(fields, revision))

    def new(self, /, *, revision: str = DEFAULT_REVISION, **fields: Any) -> Command:
        """A right command with these fields.

        Fields not named get their true count, their not-used value or their default; optional ones
        at the end are added as far as `revision` knows them. Raises `CodecError` for a name the
        command does not have, a field that is missing, and one whose condition does not hold.
        Values are checked when the octets are made.
        """
        return Command(self.name, self.complete(fields, revision), definition=self)

    def parse(self, payload: bytes) -> Command:
        """Decode a payload; octets after the last field are kept in `trailing`.

        Raises `CodecError` when octets are missing or a value cannot be read.
        """
        fields, end = self.layout.decode(payload)
        return Command(self.name, fields, payload[end:], self)

    def complete(self, given: Mapping[str, Any], revision: str = DEFAULT_REVISION) -> Fields:
        """The fields to send, in order; the rules are those of `new`."""
        return fill(LAYER, self.name, self.fields, given, revision)

    def encode(self, fields: Mapping[str, Any]) -> bytes:
        """These fields and no others as a payload; nothing is completed or checked for order."""
        return self.layout.encode(fields)


@dataclass(slots=True)
class Command:
    """A command with its fields, as parsed or to be sent.

    `fields` holds what is on the wire and nothing else, in its order; `trailing` the octets after
    the last known field. Cluster commands have a `definition`, general ones a `body`, whose fields
    are also in `fields`. Where the layout is not known there is neither, `trailing` is the whole
    payload and `reason` says why.
    """

    name: str
    fields: Fields = field(default_factory=dict)
    trailing: bytes = b""
    definition: CommandDefinition | None = field(default=None, repr=False)
    body: GeneralCommand | None = field(default=None, repr=False)
    reason: str = ""

    def to_bytes(self) -> bytes:
        """The payload; raises `CodecError` for a value that does not fit."""
        if self.definition is not None:
            return self.definition.layout.encode(self.fields) + self.trailing
        if self.body is not None:
            return type(self.body)(**self.fields).to_bytes() + self.trailing
        return self.trailing

    def replace(self, /, **fields: Any) -> Command:
        """A copy with these values, conditions and counts unchecked."""
        for name in fields:
            self._check(name)
        return replace(self, fields=self.fields | fields)

    def raw(self, /, **fields: bytes) -> Command:
        """A copy that sends these octets in the place of the fields."""
        return self.replace(**{name: Raw(octets) for name, octets in fields.items()})

    def drop(self, *names: str) -> Command:
        """A copy that does not send these fields."""
        for name in names:
            self._check(name)
        kept = {name: value for name, value in self.fields.items() if name not in names}
        return replace(self, fields=kept)

    def cut(self, length: int) -> Command:
        """A command without layout: the first `length` octets of this one."""
        return Command(self.name, {}, self.to_bytes()[:length], reason=f"cut to {length} octets")

    def extend(self, octets: bytes) -> Command:
        """A copy with more octets after the last field."""
        return replace(self, trailing=self.trailing + octets)

    def _check(self, name: str) -> None:
        if self.definition is not None:
            self.definition.field(name)
        elif name not in self.fields:
            known = ", ".join(self.fields) or f"none: {self.reason}"
            reason = f"no such field; the fields are: {known}"
            raise CodecError(LAYER, f"{self.name}.{name}", 0, reason)


class ClusterDefinition(Model):
    """A cluster: attributes, commands, and the meaning of their values."""

    schema_version: Literal[1] = Field(alias="schema")
    cluster: ClusterHead
    notes: tuple[str, ...] = ()
    attribute_list: tuple[AttributeDefinition, ...] = Field(alias="attributes")
    command_list: tuple[CommandDefinition, ...] = Field(alias="commands")
    later_commands: tuple[LaterCommand, ...] = ()
    enums: dict[str, tuple[EnumValue, ...]] = Field(default_factory=dict)
    bitmaps: dict[str, tuple[BitField, ...]] = Field(default_factory=dict)
    layouts: dict[str, tuple[Part, ...]] = Field(default_factory=dict)

    @property
    def id(self) -> int:
        return self.cluster.id

    @property
    def name(self) -> str:
        return self.cluster.name

    @property
    def short(self) -> str:
        return self.cluster.short

    @property
    def security(self) -> Security:
        return self.cluster.security

    @property
    def link_key_required(self) -> bool:
        """Whether frames must arrive under a link key (075356, 5.4.6)."""
        return self.cluster.security.aps_link_key_required

    def attributes(self, side: Side = "server") -> dict[int, AttributeDefinition]:
        """The attributes of one side, by identifier."""
        return self._attributes[side]

    @cached_property
    def _attributes(self) -> dict[str, dict[int, AttributeDefinition]]:
        sides: dict[str, dict[int, AttributeDefinition]] = {"server": {}, "client": {}}
        for attribute in self.attribute_list:
            sides[attribute.side][attribute.id] = attribute
        return sides

    def attribute(self, name: str, side: Side = "server") -> AttributeDefinition:
        """The attribute of this name; raises `KeyError` when the side has none."""
        for attribute in self.attributes(side).values():
            if attribute.name == name:
                return attribute
        raise KeyError(f"{self.name} has no {side} attribute {name!r}")

    @cached_property
    def commands(self) -> dict[tuple[Direction, int], CommandDefinition]:
        """The commands by the side they are sent to and their identifier."""
        return {(command.direction, command.id): command for command in self.command_list}

    def command(self, name: str, direction: Direction | None = None) -> CommandDefinition:
        """The command of this name; `direction` tells two of the same name apart.

        Without it the one sent to the server is meant. Raises `KeyError` naming the cluster's
        commands when there is none.
        """
        wanted = [Direction.TO_SERVER, Direction.TO_CLIENT] if direction is None else [direction]
        for side in wanted:
            for command in self.command_list:
                if command.name == name and command.direction == side:
                    return command
        known = ", ".join(command.name for command in self.command_list) or "none"
        raise KeyError(f"{self.name} has no command {name!r}; it has: {known}")

    def faults(self, command: Command, revision: str = DEFAULT_REVISION) -> list[Fault]:
        """What the command's fields violate, as a device of this revision has to send them."""
        definition = command.definition
        if definition is None:
            return []
        return faults(
            definition.fields,
            command.fields,
            command.trailing,
            revision=revision,
            enums=self.enums,
            bitmaps=self.bitmaps,
        )

    def later_command(self, direction: Direction, id_: int) -> LaterCommand | None:
        """The command that later revisions give this identifier, if any is known."""
        for command in self.later_commands:
            if command.direction == direction and command.id == id_:
                return command
        return None
