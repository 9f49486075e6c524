"""A radio co-processor and its health: bring-up, properties, and what it was found guilty of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drivers.errors import BenchFault, NoAnswer, PortGone
from drivers.line import SerialLine
from drivers.spinel_link import Answer, Refused, SpinelLink
from zigbee.errors import CodecError
from zigbee.spinel import (
    FORMATS,
    Capability,
    Command,
    Property,
    Status,
    pack,
    status_text,
    unpack,
    unpack_uint,
)


class Rcp:
    """An OpenThread RCP on `line`, asked and set by properties.

    `faults` records every failure of the radio, in order; `on_fault` hears of each at once. After
    one, whatever is asked raises it again until the radio could be reset. `resets` counts the
    restarts that nobody asked for.
    """

    def __init__(self, line: SerialLine, *, name: str = "rcp") -> None:
        self.line = line
        self.name = name
        self.on_fault: Callable[[BenchFault], None] | None = None
        self.identity: dict[str, str] = {}
        """What the radio says of itself, for reports."""
        self.faults: list[BenchFault] = []
        self.resets = 0
        self._link = SpinelLink(line, name)
        self._link.on_notification = self._on_notification
        self._link.on_reset = self._on_reset
        self._link.on_lost = self._on_lost
        self._fault: BenchFault | None = None

    def _on_notification(self, number: int, value: bytes) -> None:
        """What the radio tells unasked."""

    # --- life --------------------------------------------------------------------------------

    async def open(self) -> None:
        """Open the line, reset the radio, ask what it is. Raises `BenchFault` if it is no RCP."""
        await self.line.open()
        self._link.attach()
        await self._restart()
        await self._identify()

    async def close(self) -> None:
        """Turn the receiver off, if it still answers, and close the line."""
        if self.line.is_open and self._fault is None:
            try:
                await self.set(Property.MAC_RAW_STREAM_ENABLED, False)
                await self.set(Property.PHY_ENABLED, False)
            except BenchFault as fault:
                self._record(fault)
        self._link.detach(BenchFault(self.name, "was closed"))
        await self.line.close()

    async def ping(self) -> None:
        """Show that the radio is alive by an answered question. Raises `BenchFault` if not."""
        await self.get(Property.PROTOCOL_VERSION)

    async def _restart(self) -> None:
        """Reset, twice if need be; the settings are lost after it."""
        try:
            try:
                await self._link.restart()
            except NoAnswer:
                await self._link.restart()
        except BenchFault as fault:
            self._record(fault)
            self._fault = fault
            raise
        self._fault = None

    async def _identify(self) -> None:
        major, minor = await self.get(Property.PROTOCOL_VERSION)
        version = await self.get(Property.NCP_VERSION)
        self.identity = {"firmware": version, "protocol": f"{major}.{minor}", "port": self.line.url}
        if major != 4:
            raise BenchFault(
                self.name, f"speaks Spinel {major}.{minor}, not 4", "change its firmware"
            )
        await self._optional(Property.INTERFACE_TYPE)
        caps = await self._optional(Property.CAPS)
        if caps is not None and not {Capability.MAC_RAW, Capability.CONFIG_RADIO} & set(caps):
            raise BenchFault(
                self.name, f"{version} has no raw 802.15.4 access", "give it RCP firmware"
            )
        for prop, label in (
            (Property.RCP_API_VERSION, "rcp_api"),
            (Property.RADIO_CAPS, "radio_caps"),
            (Property.HWADDR, "eui64"),
        ):
            value = await self._optional(prop)
            if value is not None:
                self.identity[label] = str(value)

    async def _optional(self, prop: Property) -> Any:
        try:
            return await self.get(prop)
        except Refused as refusal:
            if refusal.status in (Status.PROP_NOT_FOUND, Status.UNIMPLEMENTED):
                return None
            raise

    # --- properties --------------------------------------------------------------------------

    async def get(self, prop: Property) -> Any:
        """The value of a property: one value, or a tuple of its fields. Raises `BenchFault`."""
        self._require_health()
        number, value = await self._request(Command.PROP_VALUE_GET, prop, b"")
        if number != prop:
            raise self._link.refused(unpack_uint(value)[0], Command.PROP_VALUE_GET, prop)
        try:
            fields = unpack(FORMATS[prop], value)
        except CodecError as error:
            raise BenchFault(self.name, f"gave {prop.name} as {value.hex()}: {error}") from error
        return fields[0] if len(fields) == 1 else fields

    async def set(self, prop: Property, *values: Any) -> None:
        """Set a property. Raises `Refused` (a `BenchFault`) when the radio does not take it."""
        self._require_health()
        value = pack(FORMATS[prop], *values)
        number, answer = await self._request(Command.PROP_VALUE_SET, prop, value)
        if number != prop and (status := unpack_uint(answer)[0]) != Status.OK:
            raise self._link.refused(status, Command.PROP_VALUE_SET, prop)

    async def _change(self, command: Command, prop: Property, item: bytes) -> None:
        number, answer = await self._request(command, prop, item)
        if number != prop:
            status = unpack_uint(answer)[0]
            if status not in (Status.OK, Status.ALREADY, Status.ITEM_NOT_FOUND):
                raise self._link.refused(status, command, prop)

    async def _request(self, command: Command, prop: Property, value: bytes) -> Answer:
        try:
            return await self._link.request(command, prop, value)
        except (NoAnswer, PortGone) as fault:
            self._record(fault)
            self._fault = fault
            raise

    def _require_health(self) -> None:
        if self._fault is not None:
            raise self._fault

    def _record(self, fault: BenchFault) -> None:
        if not any(fault is known for known in self.faults):
            self.faults.append(fault)
            if self.on_fault is not None:
                self.on_fault(fault)

    def _on_reset(self, status: int) -> None:
        self.resets += 1
        cause = f"restarted by itself, {status_text(status)}: all its settings are lost"
        self._fault = BenchFault(self.name, cause, "check the radio's power and USB cable")
        self._record(self._fault)

    def _on_lost(self, fault: PortGone) -> None:
        self._fault = fault
        self._record(fault)
