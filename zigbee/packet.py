"""A frame as far as it could be taken apart, and how to tell it to a reader."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any

from zigbee.aps import ApsCommand, ApsFrame
from zigbee.errors import CodecError
from zigbee.interpan import InterPanFrame
from zigbee.mac import Beacon, MacCommand, MacCommandId, MacFrame, MacType
from zigbee.nwk import NwkCommand, NwkFrame
from zigbee.types import Address, Eui64
from zigbee.zcl import Command, ZclFrame
from zigbee.zdp import Message


@dataclass(slots=True)
class Packet:
    """One frame, layer by layer; what is None was not there or could not be reached.

    `time` is in seconds on whatever clock the caller has, `octets` the PSDU without FCS. `nwk` and
    `aps` have their payload in the clear if they were not secured or could be opened; `nwk_opened`
    and `aps_opened` are True only for a secured layer whose MIC was right under `nwk_key` or
    `aps_key` (the *link* key, also when a key derived from it secured the frame; with a Tunnel, the
    one that opened the tunnelled frame).

    `tunnelled` is the APS frame inside a Tunnel command, `reassembled` the ASDU that the last
    missing fragment completed. `error` is what stopped the dissection, and `undecoded` the octets
    that were left when it did; octets left without an error are a fragment that waits for others.
    """

    time: float
    octets: bytes
    mac: MacFrame | None = None
    mac_command: MacCommand | None = None
    beacon: Beacon | None = None
    interpan: InterPanFrame | None = None
    nwk: NwkFrame | None = None
    nwk_opened: bool = False
    nwk_key: bytes | None = None
    nwk_command: NwkCommand | None = None
    aps: ApsFrame | None = None
    aps_opened: bool = False
    aps_key: bytes | None = None
    aps_command: ApsCommand | None = None
    tunnelled: ApsFrame | None = None
    tunnelled_command: ApsCommand | None = None
    reassembled: bytes | None = None
    zdp: Message | None = None
    zcl: ZclFrame | None = None
    command: Command | None = None
    error: CodecError | None = None
    undecoded: bytes = b""

    def summary(self) -> str:
        """One line of printable ASCII for a report: from whom, to whom, what."""
        text = " ".join(part for part in (self._route(), self._security(), self._what()) if part)
        if self.error is not None:
            text += f" [{self.error}; {len(self.undecoded)} octets not decoded]"
        return "".join(c if " " <= c <= "~" else f"\\x{ord(c):02x}" for c in text)

    def _route(self) -> str:
        if self.nwk is not None:
            return f"{_address(self.nwk.src)} > {_address(self.nwk.dst)}"
        if self.mac is None:
            return "?"
        if self.mac.src is None and self.mac.dst is None:
            return ""
        return f"{_address(self.mac.src)} > {_address(self.mac.dst)}"

    def _security(self) -> str:
        marks = []
        if self.nwk is not None and self.nwk.security:
            marks.append("NWK" if self.nwk_opened else "NWK?")
        if self.aps is not None and self.aps.security:
            marks.append("APS" if self.aps_opened else "APS?")
        return f"({'+'.join(marks)})" if marks else ""

    def _what(self) -> str:
        if self.command is not None and self.zcl is not None:
            cluster = self._cluster()
            return f"ZCL {cluster:#06x} {self.command.name} #{self.zcl.sequence}"
        if self.zcl is not None:
            return f"ZCL {self._cluster():#06x} command {self.zcl.command:#04x}"
        if self.zdp is not None:
            return f"ZDP {self.zdp.name} #{self.zdp.sequence}"
        inner = self.tunnelled_command
        for command in (self.aps_command, self.nwk_command, self.mac_command):
            if command is not None:
                name = type(command).__name__
                return f"{name} of {type(inner).__name__}" if inner is not None else name
        if self.beacon is not None:
            return f"Beacon of {self.beacon.extended_pan_id}"
        if self.aps is not None:
            return f"APS {_name(self.aps.frame_type)} #{self.aps.counter}"
        if self.nwk is not None:
            return f"NWK {_name(self.nwk.frame_type)} #{self.nwk.sequence}"
        if self.mac is None:
            return f"{len(self.octets)} octets"
        if self.mac.frame_type == MacType.COMMAND and self.mac.payload[:1] in _MAC_COMMANDS:
            return f"MAC {_MAC_COMMANDS[self.mac.payload[:1]]}"
        return f"MAC {_name(self.mac.frame_type)} #{self.mac.sequence}"

    def _cluster(self) -> int:
        if self.interpan is not None:
            return self.interpan.cluster
        cluster = None if self.aps is None else self.aps.cluster
        return -1 if cluster is None else cluster

    def describe(self) -> dict[str, Any]:
        """Everything decoded as nested dicts, lists, numbers and strings that JSON can hold.

        Octets become hexadecimal text, EUI-64s 16 digits, names of enumerations text; what is
        None is left out. Keys are not in it, other than those that a decoded command carries.
        """
        described = _plain(self)
        described.pop("nwk_key", None)
        described.pop("aps_key", None)
        if self.error is not None:
            described["error"] = str(self.error)
        found: dict[str, Any] = described
        return found


_MAC_COMMANDS = {bytes((known,)): known.name for known in MacCommandId}


def _address(address: Address | None) -> str:
    if address is None:
        return "-"
    return str(address) if isinstance(address, Eui64) else f"{address:#06x}"


def _name(value: int) -> str:
    return value.name if isinstance(value, Enum) else str(value)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, Eui64):
        return str(value)
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, bytes | bytearray):
        return value.hex()
    if isinstance(value, dict):
        return {str(_plain(key)): _plain(item) for key, item in value.items()}
    if hasattr(value, "_asdict"):
        return _plain(value._asdict())
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if is_dataclass(value):
        pairs = ((item.name, getattr(value, item.name)) for item in fields(value))
        return {name: _plain(item) for name, item in pairs if item is not None}
    return str(value)
