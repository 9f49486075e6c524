"""The simulated energy services interface, device 0x0500: coordinator, trust center, servers of
prices, load control events, messages and the time (075356 5.2, 6.3.1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lab.golden.clusters import time_server
from lab.golden.frequency import ChannelManager
from lab.golden.node import Node
from lab.golden.price import PRICE, PriceServer
from lab.golden.registrar import Registrar
from lab.golden.trust_center import Registered, Status
from lab.golden.zcl_layer import Cluster, Endpoint
from lab.virtual.console import CommandError
from lab.virtual.device import Lines, SimulatedDevice
from zigbee import zcl
from zigbee.crypto.errors import CryptoError
from zigbee.types import Eui64

__all__ = ["SimulatedEsi"]

LOAD_CONTROL, MESSAGING = 0x0701, 0x0703
KEY_ESTABLISHMENT = 0x0800
#: UTC seconds since 2000-01-01 when the bench's clock is 0: 2011-01-01.
EPOCH = 347_155_200
#: How long a stale key is left alone before the device is asked for a new one (5.4.5), seconds.
RENEW_AFTER = 45.0
#: Seconds between two attempts to establish a key with a device, and attempts in a row.
RETRY, TRIES = 20.0, 3


class SimulatedEsi(SimulatedDevice):
    """An ESI that forms the network; its console administers it."""

    model = "se-esi"
    device_id = 0x0500

    def commissioning(self, node: Node) -> None:
        """It forms a network, and lets others join."""
        self.registrar = Registrar(node)
        self.registrar.broker.both_ask = self.revision == "1.0"
        self.registrar.on_status = self._status_changed
        node.zdo.server_mask = 0x0041  # trust center and network manager
        node.zdo.on_message = self._zdp
        self.channels = ChannelManager(node, self.registrar.save)

    def begin(self) -> None:
        """Go on with the network of before; a new one is formed on order only."""
        self.registrar.resume()

    @property
    def scanning(self) -> bool:
        """Whether it looks for a network: it never does for long."""
        return False

    def applications(self, node: Node, endpoint: Endpoint) -> None:
        """Time, Price, Load Control and Messaging servers; two exchanges of keys at once."""
        self.establishment.serve_at_once(2)
        endpoint.serve(time_server(self.utc))
        self.prices = PriceServer(node, endpoint, self.utc)
        for cluster in (LOAD_CONTROL, MESSAGING):
            endpoint.serve(Cluster(cluster))

    def utc(self) -> int:
        """UTC seconds since 2000-01-01."""
        return EPOCH + int(self.node.now if self.node is not None else 0)

    def state(self) -> str:
        """In one word, as ``info`` prints it."""
        return "formed" if self.node is not None and self.node.nwk.joined else "factory-new"

    def _forget_network(self) -> None:
        super()._forget_network()
        for name in ("tc.network", "tc.devices"):
            self.nvm.values.pop(name, None)

    # -- devices ----------------------------------------------------------------------------

    def _status_changed(self, device: Registered) -> None:
        self.console.say(f"EVENT device {device.eui64} {device.status}")

    def _zdp(self, message: Any, indication: Any) -> None:
        if message.name == "Device_annce":
            fields = message.fields
            self.registrar.announced(fields["NWKAddr"], Eui64(fields["IEEEAddr"]))
        elif message.name == "Mgmt_NWK_Update_rsp":
            self.channels.notified(message, indication)

    def _key_established(self, partner: Eui64, key: bytes) -> None:
        if self.node is not None:
            self.node.aps.keys.install(partner, key, "cbke")
            self.console.say(f"EVENT cbke done partner={partner}")
            self.registrar.authenticated(partner)

    def _renew(self, device: Registered, tries: int = TRIES) -> None:
        """Establish a new link key with a device, from here (5.4.2.2.1, 5.4.5)."""
        node = self.node
        if node is None or device.short is None or tries == 0:
            return
        if not self.policy.reestablishes_on_order():
            return
        short = device.short
        again = node.after(RETRY, lambda: self._renew(device, tries - 1))

        def answered(message: Any) -> None:
            endpoints = message.fields.get("MatchList", ())
            if endpoints and self.establishment.initiator.exchange is None:
                again.cancel()
                self.establishment.initiator.start(short, endpoints[0], lambda status, wait: None)

        node.zdo.send(
            "Match_Desc_req",
            short,
            answer=answered,
            NWKAddrOfInterest=short,
            ProfileID=0x0109,
            InClusterList=[KEY_ESTABLISHMENT],
            OutClusterList=[],
        )

    def _renew_stale(self, device: Registered) -> None:
        key = self.node.aps.keys.get(device.eui64) if self.node is not None else None
        if key is not None and key.origin == "stale":
            self._renew(device)

    # -- console ----------------------------------------------------------------------------

    def commands(self) -> dict[str, Callable[[list[str]], Lines]]:
        """The words of the console; each ends with ``OK`` or ``ERROR: why``."""
        common = super().commands()
        kept = (
            "info",
            "reset",
            "factory-reset",
            "keys print",
            "option frame-counter",
            "plugin key-establishment start",
        )
        about_device: dict[str, Callable[[Registered], None]] = {
            "tc deregister": lambda one: self.registrar.deregister(one.eui64),
            "tc remove-device": lambda one: self.registrar.remove_device(one.eui64),
            "tc mgmt-leave": lambda one: self.registrar.mgmt_leave(one.eui64),
            "tc remove-key": lambda one: self.registrar.forget(one.eui64),
            "tc reregister": self._renew,
            "tc stale": self._mark_stale,
        }
        return {
            **{name: common[name] for name in kept},
            "network form": self._form,
            "network pjoin": lambda words: self._order(lambda: self._open(int(words[0]))),
            "option install-code": self._enter,
            "tc devices": self._devices,
            **{name: self._about(action) for name, action in about_device.items()},
            "tc update-key broadcast": lambda _: self._order(self._update_by_broadcast),
            "tc update-key unicast": lambda _: self._order(self._update_by_unicast),
            "tc backup": self._backup,
            "tc restore": self._restore,
            "publish price": lambda words: self._publish(PRICE, words),
            "publish event": lambda words: self._publish(LOAD_CONTROL, words),
            "publish message": lambda words: self._publish(MESSAGING, words),
        }

    def _about(self, action: Callable[[Registered], None]) -> Callable[[list[str]], Lines]:
        def command(words: list[str]) -> Lines:
            device = self.registrar.devices.get(Eui64.parse(words[0]))
            if device is None:
                return [f"ERROR: {words[0]} is not registered"]
            return self._order(lambda: action(device))

        return command

    def _form(self, words: list[str]) -> Lines:
        channel = int(words[0])
        pan = int(words[1], 16) if len(words) > 1 else None
        return self._order(lambda: self.registrar.form_quietly(channel, pan, self._formed))

    def _formed(self) -> None:
        if self.node is not None:
            mac = self.node.mac
            self.console.say(f"EVENT formed pan=0x{mac.pan:04x} channel={mac.channel}")

    def _open(self, seconds: int) -> None:
        self.registrar.open(seconds)

    def _update_by_broadcast(self) -> None:
        self.registrar.update_by_broadcast()

    def _update_by_unicast(self) -> None:
        self.registrar.update_by_unicast()

    def _enter(self, words: list[str]) -> Lines:
        try:
            self.registrar.enter(Eui64.parse(words[0]), bytes.fromhex("".join(words[1:])))
        except CryptoError as error:
            return [f"ERROR: {error}"]
        return ["OK"]

    def _devices(self, words: list[str]) -> Lines:
        shown = [
            f"device: {one.eui64} {one.status} node=0x{one.short or 0xFFFE:04x}"
            for one in self.registrar.devices.values()
        ]
        return [*shown, f"devices: {len(shown)}", "OK"]

    def _mark_stale(self, device: Registered) -> None:
        self.registrar.mark_stale(device.eui64)
        if self.node is not None:
            self.node.after(RENEW_AFTER, lambda: self._renew_stale(device))

    def _backup(self, words: list[str]) -> Lines:
        node = self.node
        if node is None:
            return ["ERROR: no network"]
        entries = [f"entry: {eui64} {hashed.hex()}" for eui64, hashed in self.registrar.backup()]
        mac, nwk = node.mac, node.nwk
        return [
            f"backup: channel={mac.channel} pan=0x{mac.pan:04x} epid={nwk.extended_pan}",
            *entries,
            f"entries: {len(entries)}",
            "OK",
        ]

    def _restore(self, words: list[str]) -> Lines:
        """``tc restore CHANNEL PAN EPID EUI64=HASH,EUI64=HASH``: be the one of the backup."""
        devices = {}
        for entry in words[3].split(","):
            eui64, _, hashed = entry.partition("=")
            if len(bytes.fromhex(hashed)) != 16:
                raise CommandError("a hash has 16 octets")
            devices[Eui64.parse(eui64)] = bytes.fromhex(hashed)
        return self._order(
            lambda: self.registrar.restore(
                channel=int(words[0]),
                pan=int(words[1], 16),
                extended_pan=Eui64.parse(words[2]),
                devices=devices,
            )
        )

    # -- what it serves ---------------------------------------------------------------------

    def _publish(self, cluster: int, words: list[str]) -> Lines:
        """``publish price ID CENTS``: to every device that is bound for it, or authenticated."""
        number, value = int(words[0]), int(words[1]) if len(words) > 1 else 0
        return self._order(lambda: self._send_to_all(cluster, number, value))

    def _send_to_all(self, cluster: int, number: int, value: int) -> None:
        node = self.node
        if node is None:
            return
        bound = {Eui64(one[3]): one[4] for one in node.zdo.bindings if one[2] == cluster and one[3]}
        for device in self.registrar.devices.values():
            if device.status != Status.AUTHENTICATED or device.short is None:
                continue
            endpoint = bound.get(device.eui64, 1 if not bound else None)
            if endpoint is not None:
                frame = self._message(cluster, number, value)
                node.zcl.send(
                    frame, device.short, cluster=cluster, dst_endpoint=endpoint, src_endpoint=1
                )

    def _message(self, cluster: int, number: int, value: int) -> zcl.ZclFrame:
        build = self.registrar.node.zcl.command
        if cluster == LOAD_CONTROL:
            return build(
                cluster,
                "LoadControlEvent",
                IssuerEventID=number,
                DeviceClass=0x0FFF,
                UtilityEnrollmentGroup=0,
                StartTime=0,
                DurationInMinutes=max(value, 1),
                CriticalityLevel=3,
                EventControl=0,
            )
        if cluster == MESSAGING:
            return build(
                cluster,
                "DisplayMessage",
                MessageID=number,
                MessageControl=0,
                StartTime=0,
                DurationInMinutes=60,
                Message=b"Hello",
            )
        fields: dict[str, Any] = {
            "ProviderID": 1,
            "RateLabel": b"",
            "IssuerEventID": number,
            "CurrentTime": self.utc(),
            "UnitOfMeasure": 0,
            "Currency": 840,
            "PriceTrailingDigitAndPriceTier": 0x41,
            "NumberOfPriceTiersAndRegisterTier": 0x11,
            "StartTime": self.utc(),
            "DurationInMinutes": 60,
            "Price": value,
        }
        self.prices.prices = [fields]
        return build(PRICE, "PublishPrice", **fields)
