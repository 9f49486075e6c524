"""How a router helps to find a quiet channel and follows the network there (075356 5.8).

Mgmt_NWK_Update_req (053474 2.4.3.3.9) asks for energy scans (duration 0 to 5), or announces a
channel (0xFE): everybody moves when the broadcast has had time to reach all. Times are seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lab.golden.effects import EnergyScan
from zigbee import nwk

if TYPE_CHECKING:
    from lab.golden.aps_layer import Indication
    from lab.golden.node import Node
    from zigbee import zdp

__all__ = ["BROADCAST_DELIVERY", "ChannelManager", "FrequencyAgility"]

#: nwkNetworkBroadcastDeliveryTime of a network of depth 15, seconds (053474 3.5.2).
BROADCAST_DELIVERY = 9.0
#: aBaseSuperframeDuration at 2.4 GHz, seconds: a scan listens (2^n + 1) times as long.
SUPERFRAME = 0.01536
LONGEST_SCAN = 5
CHANGE_CHANNEL = 0xFE
CHANNELS_2DOT4 = range(11, 27)
SUCCESS, INVALID_REQUEST = 0x00, 0x80
#: What energy value 0 and 255 stand for, dBm (802.15.4 6.9.7: at least 40 dB, linear in dB).
QUIETEST, LOUDEST = -100, -30


#: Reports of bad channels within so many seconds on which a channel manager acts.
REPORTS, REPORTS_WITHIN = 3, 120.0
#: A report counts from so many transmissions on, more than a quarter of which failed.
TRANSMISSIONS_LEAST = 20
SCAN_DURATION = 3
#: Seconds that the reporter's answer to a scan request is waited for.
SCAN_WAIT = 10.0


def energy_value(dbm: int) -> int:
    """Energy in dBm as the octet of an energy scan."""
    share = (dbm - QUIETEST) / (LOUDEST - QUIETEST)
    return max(0, min(255, round(255 * share)))


class FrequencyAgility:
    """What answers Mgmt_NWK_Update_req. ``on_moved`` is told when the channel was changed."""

    def __init__(self, node: Node, on_moved: Callable[[], None] | None = None) -> None:
        self.node = node
        self.on_moved = on_moved
        node.zdo.on_network_update = self.requested

    def requested(self, message: zdp.Message, indication: Indication) -> None:
        """A request of the network manager, or of anybody who wants to know the energy here."""
        duration = message.fields["ScanDuration"]
        mask = message.fields["ScanChannels"]
        channels = tuple(one for one in CHANNELS_2DOT4 if mask >> one & 1)
        if duration <= LONGEST_SCAN:
            if not indication.broadcast:
                self._scan(message, indication.nwk.src, channels)
        elif duration == CHANGE_CHANNEL:
            self._change(message, indication, channels)
        elif not indication.broadcast:
            self._answer(message, indication.nwk.src, Status=INVALID_REQUEST)

    def _answer(self, message: zdp.Message, to: int, **fields: Any) -> None:
        self.node.zdo.send("Mgmt_NWK_Update_rsp", to, sequence=message.sequence, **fields)

    def _scan(self, message: zdp.Message, asker: int, channels: tuple[int, ...]) -> None:
        period = SUPERFRAME * ((1 << message.fields["ScanDuration"]) + 1)
        left = message.fields["ScanCount"]
        if not channels or not 1 <= left <= 5:
            self._answer(message, asker, Status=INVALID_REQUEST)
            return

        def ended(found: dict[int, int]) -> None:
            nonlocal left
            left -= 1
            self._notify(message, asker, channels, found)
            if left:
                self.node.outbox.append(EnergyScan(channels, period, ended))

        self.node.outbox.append(EnergyScan(channels, period, ended))

    def _notify(
        self, message: zdp.Message, asker: int, channels: tuple[int, ...], found: dict[int, int]
    ) -> None:
        energies = [energy_value(found.get(channel, QUIETEST)) for channel in channels]
        self._answer(
            message,
            asker,
            Status=SUCCESS,
            ScannedChannels=sum(1 << channel for channel in channels),
            TotalTransmissions=self.node.mac.transmissions & 0xFFFF,
            TransmissionFailures=self.node.mac.failures & 0xFFFF,
            EnergyValues=self.node.policy.energies_told(energies),
        )

    def _change(
        self, message: zdp.Message, indication: Indication, channels: tuple[int, ...]
    ) -> None:
        update_id = message.fields["NwkUpdateId"]
        valid = len(channels) == 1 and newer(update_id, self.node.nwk.update_id)
        if valid and self.node.policy.follows_channel_change():
            self.node.nwk.update_id = update_id
            self.node.after(BROADCAST_DELIVERY, lambda: self._move(channels[0]))
        elif not indication.broadcast and not valid:
            self._answer(message, indication.nwk.src, Status=INVALID_REQUEST)

    def _move(self, channel: int) -> None:
        if not self.node.nwk.joined:
            return
        self.node.mac.tune(channel=channel)
        if self.on_moved is not None:
            self.on_moved()


class ChannelManager:
    """The network's channel manager: moves all when routers report a bad channel (5.8)."""

    def __init__(self, node: Node, on_moved: Callable[[], None] | None = None) -> None:
        self.node = node
        self.on_moved = on_moved
        self._reports: list[float] = []
        self._busy = False

    def notified(self, message: zdp.Message, indication: Indication) -> None:
        """A router sent Mgmt_NWK_Update_notify unasked: that of a bad channel counts."""
        fields = message.fields
        sent = fields.get("TotalTransmissions") or 0
        failed = fields.get("TransmissionFailures") or 0
        if self._busy or sent < TRANSMISSIONS_LEAST or 4 * failed <= sent:
            return
        now = self.node.now
        self._reports = [when for when in self._reports if now - when < REPORTS_WITHIN] + [now]
        if len(self._reports) >= REPORTS and self.node.policy.moves_network():
            self._reports = []
            self._busy = True
            self._look_round(indication.nwk.src)

    def _look_round(self, reporter: int) -> None:
        """Ask the reporter for its energies, measure those here, then choose."""
        found: dict[int, int] = {}

        def theirs(message: zdp.Message) -> None:
            told = message.fields.get("EnergyValues") or ()
            for channel, value in zip(CHANNELS_2DOT4, told, strict=False):
                found[channel] = max(found.get(channel, 0), value)

        def ours(energies: dict[int, int]) -> None:
            for channel, dbm in energies.items():
                found[channel] = max(found.get(channel, 0), energy_value(dbm))
            self.node.after(SCAN_WAIT, lambda: self._announce(found))

        self.node.zdo.send(
            "Mgmt_NWK_Update_req",
            reporter,
            answer=theirs,
            ScanChannels=sum(1 << channel for channel in CHANNELS_2DOT4),
            ScanDuration=SCAN_DURATION,
            ScanCount=1,
        )
        period = SUPERFRAME * ((1 << SCAN_DURATION) + 1)
        # once its request is on the air: what listens to other channels does not hear this one
        scan = EnergyScan(tuple(CHANNELS_2DOT4), period, ours)
        self.node.after(SCAN_WAIT, lambda: self.node.outbox.append(scan))

    def _announce(self, found: dict[int, int]) -> None:
        """Tell everybody of the quietest channel, and go there when all have heard it."""
        here = self.node.mac.channel
        quietest = min((one for one in CHANNELS_2DOT4 if one != here), key=lambda c: found[c])
        self.node.nwk.update_id = (self.node.nwk.update_id + 1) & 0xFF
        self.node.zdo.send(
            "Mgmt_NWK_Update_req",
            nwk.BROADCAST_RX_ON,
            ScanChannels=1 << quietest,
            ScanDuration=CHANGE_CHANNEL,
            NwkUpdateId=self.node.nwk.update_id,
        )
        self.node.after(BROADCAST_DELIVERY, lambda: self._move(quietest))

    def _move(self, channel: int) -> None:
        self._busy = False
        self.node.mac.tune(channel=channel)
        if self.on_moved is not None:
            self.on_moved()


def newer(update_id: int, current: int) -> bool:
    """Whether a network update id comes after the current one; it wraps at 256."""
    return 0 < (update_id - current & 0xFF) < 0x80
