"""tshark's PDML: every field that it found in a frame, with its place, its octets and its value.

The place is what makes the comparison strict: the fields must lie one after the other and leave no
octet of the payload without a name.
"""

from __future__ import annotations

import calendar
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests import tshark

EPOCH_2000 = 946684800
"""Seconds from 1970 to 2000, where ZigBee's time begins."""


@dataclass(slots=True)
class Leaf:
    """One place in the frame: offset and size in octets, the octets, and the values shown there.

    Several names share a place when tshark shows the bits of an octet without the octet itself.
    """

    offset: int
    size: int
    octets: bytes
    shown: dict[str, str] = field(default_factory=dict)
    bits: bool = False

    def __str__(self) -> str:
        shown = ", ".join(f"{name}={text!r}" for name, text in self.shown.items())
        return f"{self.offset}+{self.size} {self.octets.hex()} {shown}"


@dataclass(slots=True)
class Packet:
    """One frame: its leaves in order, and what tshark complained of."""

    leaves: list[Leaf]
    complaints: list[str]


def dissect(frames: Sequence[bytes], protocols: Sequence[str]) -> list[Packet]:
    """What tshark finds in PSDUs (without FCS) in the layers named; "data" is always looked at."""
    command = [tshark.program(), "-n", "-r", "-", "-T", "pdml"]
    root = ElementTree.fromstring(tshark.run(command, tshark.pcap(frames)))
    packets = [_packet(element, set(protocols)) for element in root.iter("packet")]
    assert len(packets) == len(frames)
    return packets


def _packet(packet: ElementTree.Element, protocols: set[str]) -> Packet:
    found: dict[int, Leaf] = {}
    complaints = [
        str(e.get("show")) for e in packet.iter() if e.get("name") == "_ws.expert.message"
    ]
    for proto in packet:
        name = proto.get("name", "")
        if name.startswith("_ws.malformed"):
            complaints.append(name)
        if name in protocols or name == "fake-field-wrapper":
            for element in _named(proto):
                _add(found, element)
    return Packet([found[offset] for offset in sorted(found)], complaints)


def _named(element: ElementTree.Element) -> Iterator[ElementTree.Element]:
    """The outermost fields with a name and octets; a container without any stands for itself."""
    for child in element:
        name = child.get("name", "")
        if name.startswith("_ws.") or (int(child.get("size") or 1) == 0 and not len(child)):
            continue
        heading = len(child) > 0 and not child.get("value")
        if name and name != "data" and not heading:
            yield child
            continue
        inner = list(_named(child))
        if inner:
            yield from inner
        elif child.get("value"):
            yield child


def _add(found: dict[int, Leaf], element: ElementTree.Element) -> None:
    offset, size = int(element.get("pos") or 0), int(element.get("size") or 0)
    if size == 0:
        return
    name, show = element.get("name", ""), element.get("show", "")
    masked = element.get("unmaskedvalue")
    octets = bytes.fromhex(masked or _whole(element.get("value", "")))
    leaf = found.setdefault(offset, Leaf(offset, size, octets, bits=masked is not None))
    leaf.shown[name] = show


def _whole(hexadecimal: str) -> str:
    return hexadecimal if len(hexadecimal) % 2 == 0 else f"0{hexadecimal}"


def number(text: str) -> int | None:
    """The integer that tshark shows, a date as seconds since 2000, or None for any other text."""
    if text.endswith(" UTC"):
        date = text.removesuffix(" UTC").partition(".")[0]
        return calendar.timegm(time.strptime(date, "%b %d, %Y %H:%M:%S")) - EPOCH_2000
    try:
        return tshark.number(text)
    except ValueError:
        return None
