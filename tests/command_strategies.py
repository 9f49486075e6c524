"""Hypothesis strategies for the values of every command that is defined, and for general commands.

They draw what a definition says may be sent: every value of each type, optional fields or not, and
the fields that a condition asks for. Field values go to `build`; nothing is decoded here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from zigbee.types import Eui64
from zigbee.zcl import general as g
from zigbee.zcl import types
from zigbee.zcl.conditions import condition
from zigbee.zcl.frame import Status
from zigbee.zcl.model import FieldDefinition

Values = dict[str, Any]

LONGEST = 40
"""Octets of the longest string drawn; longer ones would not fit one frame."""

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=LONGEST // 4)
octets = st.binary(max_size=LONGEST)
numbers = {
    entry.id: (
        st.integers(-(1 << 8 * entry.size - 1), (1 << 8 * entry.size - 1) - 1)
        if entry.form == "int"
        else st.integers(0, (1 << 8 * entry.size) - 1)
    )
    for entry in types.all_types()
    if entry.form in ("int", "uint") and entry.size
}
codes = st.one_of(st.sampled_from([int(status) for status in Status]), st.integers(0, 255))


def scalars(type_: types.DataType) -> st.SearchStrategy[Any]:
    """Every value of a type that is no list of others, invalid strings left out."""
    match type_.form:
        case "int" | "uint":
            return numbers[type_.id]
        case "bool":
            return st.booleans()
        case "float":
            width = {2: 16, 4: 32, 8: 64}[type_.size or 0]
            return st.floats(width=width, allow_nan=False)  # type: ignore[arg-type]
        case "eui64":
            return st.integers(0, (1 << 64) - 1).map(Eui64)
        case "key":
            return st.binary(min_size=16, max_size=16)
        case "tod":
            return st.tuples(*[st.integers(0, 255)] * 4).map(lambda four: types.TimeOfDay(*four))
        case "date":
            return st.tuples(*[st.integers(0, 255)] * 4).map(lambda four: types.Date(*four))
        case "text":
            return texts
        case "octets":
            return octets
    return st.none()


def field_values(definition: FieldDefinition) -> st.SearchStrategy[Any]:
    """The values of one field."""
    if definition.type == "octets":
        if isinstance(definition.length, int):
            return st.binary(min_size=definition.length, max_size=definition.length)
        return octets
    if definition.type == "list":
        if definition.item == "struct":
            return st.lists(commands(definition.fields), max_size=3)
        return st.lists(scalars(types.BY_NAME[str(definition.item)]), max_size=6)
    if definition.type == "struct":
        return commands(definition.fields)
    return scalars(types.BY_NAME[definition.type])


@st.composite
def commands(draw: st.DrawFn, fields: Sequence[FieldDefinition]) -> Values:
    """Values for a command's fields, in order; counts are left to `build`.

    Some of the optional fields at the end are left out.
    """
    optional = [f.name for f in fields if f.trailing_optional is True]
    left_out = set(optional[draw(st.integers(0, len(optional))) :])
    counts = {name: f.name for f in fields for name in (f.count, f.length) if isinstance(name, str)}
    values: Values = {}
    for definition in fields:
        if definition.name in left_out:
            continue
        if definition.name in counts:
            if counts[definition.name] in left_out:
                values[definition.name] = 0
            continue
        if definition.present_if and not condition(definition.present_if)(values):
            continue
        telling = telling_values(definition.name, fields)
        strategy = field_values(definition)
        if telling:
            strategy = st.one_of(st.sampled_from(telling), strategy)
        values[definition.name] = draw(strategy)
    return values


def telling_values(name: str, fields: Sequence[FieldDefinition]) -> list[int]:
    """The values of a field that conditions on it ask for, which chance alone would seldom draw."""
    found = set()
    for definition in fields:
        subject, relation, literal = (definition.present_if or "- - -").split()
        if subject == name:
            value = int(Status[literal]) if literal in Status.__members__ else int(literal, 0)
            found |= {1 << value, 0, 3} if relation == "bit" else {value}
    return sorted(found)


# General commands ------------------------------------------------------------------------------

attribute_ids = st.integers(0, 0xFFFF)
failures = codes.filter(bool)
plain_types = [entry for entry in types.all_types() if entry.form not in ("array", "struct")]


@st.composite
def typed(
    draw: st.DrawFn, choice: Sequence[types.DataType] = tuple(plain_types)
) -> tuple[int, Any]:
    """A type's identifier and a value of it."""
    entry = draw(st.sampled_from(list(choice)))
    return entry.id, draw(scalars(entry))


def values_list() -> st.SearchStrategy[list[g.AttributeValue]]:
    """Attributes with their values, as written and reported."""
    one = st.builds(lambda id_, pair: g.AttributeValue(id_, *pair), attribute_ids, typed())
    return st.lists(one, max_size=4)


def configurations(directions: st.SearchStrategy[int]) -> Any:
    """How an attribute is to be reported."""

    @st.composite
    def one(draw: st.DrawFn) -> g.ReportingConfiguration:
        direction, attribute = draw(directions), draw(attribute_ids)
        if direction:
            return g.ReportingConfiguration(direction, attribute, timeout=draw(attribute_ids))
        entry = draw(st.sampled_from(plain_types))
        change = draw(scalars(entry)) if entry.analog else None
        low, high = draw(attribute_ids), draw(attribute_ids)
        return g.ReportingConfiguration(0, attribute, entry.id, low, high, change)

    return one()


selectors = st.builds(g.Selector, st.lists(attribute_ids, max_size=3), st.integers(0, 2))
directions = st.integers(0, 1)


def general_commands() -> dict[type[Any], st.SearchStrategy[Any]]:
    """A strategy for each general command, by its class."""
    read = st.builds(
        lambda id_, status, pair: (
            g.AttributeRecord(id_, status) if status else g.AttributeRecord(id_, 0, *pair)
        ),
        attribute_ids,
        st.one_of(st.just(0), failures),
        typed(),
    )
    record = st.builds(
        lambda status, config: g.ReportingRecord(
            status, config.direction, config.attribute, None if status else config
        ),
        st.one_of(st.just(0), failures),
        configurations(directions),
    )
    found = st.builds(g.DiscoveredAttribute, attribute_ids, st.sampled_from(sorted(types.BY_ID)))
    query = st.builds(g.StructuredQuery, attribute_ids, selectors)
    part = st.builds(
        lambda id_, selector, pair: g.StructuredValue(id_, selector, *pair),
        attribute_ids,
        selectors,
        typed(),
    )
    unwritten = st.builds(g.WriteStatus, failures, attribute_ids)
    unset = st.builds(g.ReportingStatus, failures, directions, attribute_ids)
    unplaced = st.builds(g.StructuredStatus, failures, attribute_ids, selectors)
    asked = st.builds(g.ReportingQuery, directions, attribute_ids)
    return {
        g.ReadAttributes: st.builds(g.ReadAttributes, st.lists(attribute_ids, max_size=6)),
        g.ReadAttributesResponse: st.builds(g.ReadAttributesResponse, st.lists(read, max_size=4)),
        g.WriteAttributes: st.builds(g.WriteAttributes, values_list()),
        g.WriteAttributesUndivided: st.builds(g.WriteAttributesUndivided, values_list()),
        g.WriteAttributesResponse: st.builds(
            g.WriteAttributesResponse, st.lists(unwritten, max_size=4)
        ),
        g.WriteAttributesNoResponse: st.builds(g.WriteAttributesNoResponse, values_list()),
        g.ConfigureReporting: st.builds(
            g.ConfigureReporting, st.lists(configurations(directions), max_size=4)
        ),
        g.ConfigureReportingResponse: st.builds(
            g.ConfigureReportingResponse, st.lists(unset, max_size=4)
        ),
        g.ReadReportingConfiguration: st.builds(
            g.ReadReportingConfiguration, st.lists(asked, max_size=4)
        ),
        g.ReadReportingConfigurationResponse: st.builds(
            g.ReadReportingConfigurationResponse, st.lists(record, max_size=4)
        ),
        g.ReportAttributes: st.builds(g.ReportAttributes, values_list()),
        g.DefaultResponse: st.builds(g.DefaultResponse, st.integers(0, 255), codes),
        g.DiscoverAttributes: st.builds(g.DiscoverAttributes, attribute_ids, st.integers(0, 255)),
        g.DiscoverAttributesResponse: st.builds(
            g.DiscoverAttributesResponse, st.integers(0, 1), st.lists(found, max_size=6)
        ),
        g.ReadAttributesStructured: st.builds(
            g.ReadAttributesStructured, st.lists(query, max_size=4)
        ),
        g.WriteAttributesStructured: st.builds(
            g.WriteAttributesStructured, st.lists(part, max_size=3)
        ),
        g.WriteAttributesStructuredResponse: st.builds(
            g.WriteAttributesStructuredResponse, st.lists(unplaced, max_size=4)
        ),
    }
