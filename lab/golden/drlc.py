"""Demand Response and Load Control, both sides (075356 Annex D.2). Times: UTC s since 2000-01-01.

The client takes part in every event of its device class and enrolment group, one event after the
other; it superposes none and knows no user who opts out.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lab.golden.zcl_layer import Attribute, Cluster, Endpoint, Handler, Request
from zigbee import zcl
from zigbee.zcl import Status

if TYPE_CHECKING:
    from lab.golden.node import Node, Timer

__all__ = ["DRLC", "DrlcClient", "drlc_server"]

DRLC = 0x0701
EVENT, CANCEL, CANCEL_ALL = 0x00, 0x01, 0x02
REPORT, GET_SCHEDULED = 0x00, 0x01
RECEIVED, STARTED, COMPLETED, CANCELLED = 0x01, 0x02, 0x03, 0x06
EXPIRED, UNDEFINED = 0xFB, 0xFD
RANDOMIZE_START, RANDOMIZE_END = 0x01, 0x02
#: The signature field of a report that is not signed (from 1.1 on).
NO_SIGNATURE = bytes([0xFF]) * 42
LONGEST_SHIFT = 60


def drlc_server(on_report: Callable[[Request], None] | None = None) -> Cluster:
    """The ESI's side, without events of its own: takes reports, has nothing scheduled."""

    def reported(request: Request) -> int:
        if on_report is not None:
            on_report(request)
        return int(Status.SUCCESS)

    def scheduled(request: Request) -> int:
        return int(Status.NOT_FOUND)

    return Cluster(DRLC, {}, {REPORT: reported, GET_SCHEDULED: scheduled})


def _is_shift(minutes: int) -> bool:
    """Whether a randomization attribute may have this value (D.2.3.2)."""
    return 0 <= minutes <= LONGEST_SHIFT


@dataclass(slots=True)
class Event:
    """An event that the client knows, its ``start`` and ``end`` shifted as it was asked to."""

    fields: dict[str, Any]
    start: int
    end: int
    running: bool = False
    timers: list[Timer] = field(default_factory=list)

    @property
    def id(self) -> int:
        """The issuer's event id."""
        return int(self.fields["IssuerEventID"])


class DrlcClient:
    """The device's side. ``report(frame)`` sends to the ESI; ``on_load`` is told of the event that
    sheds the load, and of ``None`` when it is restored.
    """

    def __init__(
        self,
        node: Node,
        endpoint: Endpoint,
        utc: Callable[[], int],
        report: Callable[[zcl.ZclFrame], None],
        *,
        device_class: int,
        rng: random.Random,
    ) -> None:
        self.node = node
        self.utc = utc
        self.report = report
        self.random = rng
        self.events: dict[int, Event] = {}
        self.on_load: Callable[[Event | None], None] | None = None
        self.attributes = {
            0x0000: Attribute("uint8", 0x00, writable=True),
            0x0001: Attribute("uint8", 30, writable=True, accepts=_is_shift),
            0x0002: Attribute("uint8", 30, writable=True, accepts=_is_shift),
            0x0003: Attribute("uint16", device_class, writable=True),
        }
        handlers: dict[int, Handler] = {
            EVENT: self._event,
            CANCEL: self._cancel,
            CANCEL_ALL: self._cancel_all,
        }
        endpoint.use(Cluster(DRLC, self.attributes, handlers))

    # -- events -----------------------------------------------------------------------------

    def _concerns(self, fields: dict[str, Any]) -> bool:
        """Whether class and group are this device's; group 0 is everybody's (D.2.2.3.1)."""
        group, own = fields["UtilityEnrollmentGroup"], self.attributes[0x0000].read()
        in_class = fields["DeviceClass"] & self.attributes[0x0003].read()
        return bool(in_class) and (group == 0 or own == 0 or group == own)

    def _event(self, request: Request) -> int | None:
        if request.command is None:
            return int(Status.MALFORMED_COMMAND)
        fields = request.command.fields
        if not self._concerns(fields) or fields["IssuerEventID"] in self.events:
            return int(Status.SUCCESS)
        now = self.utc()
        start = fields["StartTime"] or now
        end = start + 60 * fields["DurationInMinutes"]
        if end <= now:
            self._tell(fields, EXPIRED)
            return int(Status.SUCCESS)
        event = Event(fields, start, end)
        self._shift(event)
        self.events[event.id] = event
        self._tell(fields, RECEIVED)
        self._at(event, event.start, self._start)
        self._at(event, event.end, self._complete)
        return int(Status.SUCCESS)

    def _shift(self, event: Event) -> None:
        """Move start and end by chance, up to the attributes' minutes, if the event says so."""
        control = event.fields["EventControl"]
        limits = (60 * self.attributes[one].read() for one in (0x0001, 0x0002))
        start, end = (self.node.policy.load_shift(limit, self.random) for limit in limits)
        if control & RANDOMIZE_START:
            event.start, event.end = event.start + start, event.end + start
        if control & RANDOMIZE_END:
            event.end += end

    def _at(self, event: Event, when: int, action: Callable[[Event], None]) -> None:
        delay = max(0.0, float(when - self.utc()))
        event.timers.append(self.node.after(delay, lambda: action(event)))

    def _start(self, event: Event) -> None:
        event.running = True
        self._tell(event.fields, STARTED)
        if self.on_load is not None:
            self.on_load(event)

    def _complete(self, event: Event) -> None:
        self._drop(event)
        self._tell(event.fields, COMPLETED)

    def _drop(self, event: Event) -> None:
        for timer in event.timers:
            timer.cancel()
        self.events.pop(event.id, None)
        if event.running and self.on_load is not None:
            self.on_load(None)

    def _cancel(self, request: Request) -> int | None:
        if request.command is None:
            return int(Status.MALFORMED_COMMAND)
        fields = request.command.fields
        event = self.events.get(fields["IssuerEventID"])
        if not self._concerns(fields):
            return int(Status.SUCCESS)
        if event is None:
            self._tell({"IssuerEventID": fields["IssuerEventID"]}, UNDEFINED)
        else:
            self._drop(event)
            self._tell(event.fields, CANCELLED)
        return int(Status.SUCCESS)

    def _cancel_all(self, request: Request) -> int | None:
        for event in list(self.events.values()):
            self._drop(event)
            self._tell(event.fields, CANCELLED)
        return int(Status.SUCCESS)

    def _tell(self, fields: dict[str, Any], status: int) -> None:
        """Send Report Event Status (D.2.3.3.1): what was applied is what was asked for."""
        frame = self.node.zcl.command(
            DRLC,
            "ReportEventStatus",
            IssuerEventID=fields["IssuerEventID"],
            EventStatus=status,
            EventStatusTime=self.utc(),
            CriticalityLevelApplied=fields.get("CriticalityLevel", 0),
            CoolingTemperatureSetPointApplied=fields.get("CoolingTemperatureSetPoint", -32768),
            HeatingTemperatureSetPointApplied=fields.get("HeatingTemperatureSetPoint", -32768),
            AverageLoadAdjustmentPercentageApplied=fields.get(
                "AverageLoadAdjustmentPercentage", -128
            ),
            DutyCycleApplied=fields.get("DutyCycle", 0xFF),
            EventControl=fields.get("EventControl", 0),
            SignatureType=0x00,
            Signature=NO_SIGNATURE,
        )
        self.report(frame)
