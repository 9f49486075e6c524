"""`python -m tests.coverage_table` writes docs/coverage.md: which oracle checks what.

The table is made from the oracles' own tables, so that it can neither promise a check that is not
made nor leave out one that is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.frame_probes import KINDS
from tests.oracles import test_tshark_frames, test_tshark_zcl, test_zigpy
from tests.tshark_names import CLUSTERS, ZDP, Hidden, Names
from tests.zigbee import test_published_frames as published
from tests.zigbee import test_zdp
from tests.zigbee.zcl import test_commands, test_general
from zigbee import zcl, zdp
from zigbee.dissect import Dissector
from zigbee.zcl import general as g
from zigbee.zcl.model import FieldDefinition

TARGET = Path(__file__).parents[1] / "docs" / "coverage.md"

INTRODUCTION = """\
# What checks the codec

Our decoder agreeing with our encoder proves nothing. Every frame and command that the codec can
build is therefore given to programs by others, which must find in it the values it was built from,
leave no octet over and call nothing malformed. The table says which of them checks what:

- **tshark** dissects frames drawn by hypothesis (`tests/oracles/test_tshark_frames.py`,
  `test_tshark_zcl.py`); fields named here are those that it does not show, or not rightly.
- **zigpy** reads the same octets as its own types and writes them again
  (`tests/oracles/test_zigpy.py`).
- **published**: frames published with keys and dissection, or octets written by hand from the
  tables of a specification (`tests/zigbee/test_published_frames.py`, `test_zdp.py`,
  `tests/zigbee/zcl/test_commands.py`, `test_general.py`).

This file is made by `python -m tests.coverage_table`; a test says when it is out of date.
Attributes are not in the table: `tests/oracles/test_tshark_attributes.py` compares the identifier
and the name of every one of them with tshark, and `test_zigpy.py` the types of those that zigpy
knows. Cryptography has a document of its own, `cryptography.md`.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One frame or command, and what each oracle checks of it; "" is nothing."""

    name: str
    tshark: str = ""
    zigpy: str = ""
    published: str = ""

    @property
    def covered(self) -> bool:
        return bool(self.tshark or self.zigpy or self.published)


# Frames below ZCL and ZDP ----------------------------------------------------------------------


@cache
def published_names() -> frozenset[str]:
    """The frames and commands among the published frames."""
    names = set()
    for case in published.PUBLISHED:
        packet = Dissector(published.ring(case)).dissect(case.octets("macFrame"))
        for command in (packet.mac_command, packet.nwk_command, packet.aps_command):
            names.add(type(command).__name__)
        if packet.zdp is not None:
            names.add(packet.zdp.name)
        if packet.command is not None and not packet.command.reason:
            names.add(packet.command.name)
    return frozenset(names - {"NoneType"})


def frame_rows() -> Iterator[Row]:
    """MAC, NWK and APS, in the order of the probes; secured forms are in the same row."""
    for kind in KINDS:
        if kind.endswith(" secured"):
            continue
        secured = f"{kind} secured" in KINDS
        name = kind.removeprefix("aps ")
        shown = "an unknown command" if name == "RawCommand" else name
        title = f"APS {shown}" if kind.startswith("aps ") else shown
        yield Row(
            title,
            "values, also secured" if secured else "values",
            published="frame" if name in published_names() else "",
        )


# Commands --------------------------------------------------------------------------------------


def hidden(
    command: str, fields: Sequence[FieldDefinition], names: Names, path: str = ""
) -> list[str]:
    """The fields that tshark does not show, or not rightly."""
    found = []
    for definition in fields:
        here = f"{path}{definition.name}"
        entry = names.get(f"{command}.{here}", names.get(here))
        if isinstance(entry, Hidden) or f"{command}.{here}" in test_tshark_zcl.SHOWN_WRONG:
            found.append(here)
        found += hidden(command, definition.fields, names, f"{here}.")
    return found


def by_tshark(command: str, fields: Sequence[FieldDefinition], names: Names) -> str:
    without = hidden(command, fields, names)
    everything = [definition.name for definition in fields]
    if not everything:
        return "command"
    if without == everything:
        return ""
    return f"values but {', '.join(without)}" if without else "values"


def cluster_rows() -> Iterator[Row]:
    by_hand = {name for _, name, _, _ in test_commands.BY_HAND}
    compared = {(cluster.id, command.name) for cluster, command in test_zigpy.SHARED}
    for cluster in zcl.clusters():
        for command in cluster.command_list:
            yield Row(
                f"{cluster.name}: {command.name} to {command.direction.name[3:].lower()}",
                by_tshark(command.name, command.fields, CLUSTERS[cluster.short]),
                "values" if (cluster.id, command.name) in compared else "",
                "octets" if command.name in by_hand else "",
            )


def general_rows() -> Iterator[Row]:
    by_hand = {type(command) for command, _ in test_general.EXAMPLES}
    for kind in g.BY_COMMAND.values():
        tshark = "values" if kind in test_tshark_zcl.GENERAL else ""
        if kind is g.DiscoverAttributesResponse:
            tshark = "values but complete"
        zigpy = "octets" if kind is g.ReadReportingConfigurationResponse else "values"
        seen = ["frame"] if kind.__name__ in published_names() else []
        seen += ["octets"] if kind in by_hand else []
        yield Row(kind.__name__, tshark, zigpy, ", ".join(seen))


def zdp_rows() -> Iterator[Row]:
    by_hand = {name for name, _, _ in test_zdp.EXAMPLES}
    compared = {definition.name for definition in test_zigpy.ZDP_SHARED}
    for definition in zdp.definitions():
        name = definition.name
        seen = ["frame"] if name in published_names() else []
        seen += ["octets"] if name in by_hand else []
        yield Row(
            name,
            by_tshark(name, definition.fields, ZDP),
            "values" if name in compared else "",
            ", ".join(seen),
        )


# The document ----------------------------------------------------------------------------------

SECTIONS = {
    "MAC, NWK and APS": frame_rows,
    "ZDP": zdp_rows,
    "General commands of ZCL": general_rows,
    "Cluster commands": cluster_rows,
}
LIMITS = {
    "tshark, frames": test_tshark_frames.LIMITS,
    "tshark, commands": test_tshark_zcl.LIMITS,
    "zigpy": test_zigpy.LIMITS,
}


def rows() -> list[Row]:
    """Every row of the document."""
    return [row for section in SECTIONS.values() for row in section()]


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> list[str]:
    rule = "|".join(["---"] * len(head))
    return [f"| {' | '.join(head)} |", f"|{rule}|", *(f"| {' | '.join(x)} |" for x in lines), ""]


def text() -> str:
    """The document."""
    lines = [INTRODUCTION]
    for title, section in SECTIONS.items():
        lines += [f"## {title}", ""]
        lines += table(
            ("frame or command", "tshark", "zigpy", "published"),
            ([row.name, row.tshark, row.zigpy, row.published] for row in section()),
        )
    lines += ["## What the oracles do not show, and what stands in", ""]
    lines += table(
        ("oracle", "what", "why", "instead"),
        (
            [oracle, what, why, instead]
            for oracle, limits in LIMITS.items()
            for what, (why, instead) in limits.items()
        ),
    )
    return "\n".join(lines)


def main() -> None:
    """Write the document."""
    TARGET.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
